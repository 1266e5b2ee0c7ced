"""How large the gradient of each draw's own loss is, from the one backward pass of the batch.

A linear layer with inputs a and outputs y has for one draw the gradient ``(dL/dy) (a, 1)^T``, of squared norm
``|dL/dy|^2 (|a|^2 + 1)`` (Goodfellow, arXiv 1510.01799); for the two draws of an antithetic pair together,

    |d a^T + e b^T|^2 = |d|^2 |a|^2 + |e|^2 |b|^2 + 2 <d, e> <a, b>.

Summed over the layers this is exact for networks of linear layers that take one row a draw. Of layers that take several
(convolutions, tokens) it is a bound up to a constant.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

__all__ = ["GradientSizes", "outer_squares"]

_LAYERS = (nn.Linear, nn.Conv1d, nn.Conv2d, nn.Conv3d)


def outer_squares(inputs: Tensor, gradients: Tensor, pairs: bool) -> Tensor:
    """``|d (a, 1)^T|^2`` of each draw, shape (B,); with ``pairs`` of rows i and i + B/2 together, shape (B/2,).

    Args:
        inputs: a, shape (B, ...).
        gradients: d, shape (B, ...).
        pairs: whether the second half of the rows goes with the first.
    """
    # Of halves the squares would overflow.
    a, d = (values.float() if values.itemsize < 4 else values for values in (inputs.flatten(1), gradients.flatten(1)))
    single = (_dot(a, a) + 1) * _dot(d, d)
    if not pairs:
        return single
    (a, b), (d, e), (first, second) = a.chunk(2), d.chunk(2), single.chunk(2)
    # Where the two cancel, rounding may leave less than nothing.
    return (first + second + 2 * (_dot(a, b) + 1) * _dot(d, e)).clamp(min=0)


def _dot(a: Tensor, b: Tensor) -> Tensor:
    product: Tensor = torch.linalg.vecdot(a, b)
    return product.double()


class GradientSizes:
    """Watches the layers of a module: forward inside of :meth:`watching`, backward whenever.

    Args:
        module: the networks; None where their layers can't be watched.
        pairs: whether the second half of the batch goes with the first.
    """

    def __init__(self, module: nn.Module | None, pairs: bool) -> None:
        parts = [] if module is None else module.modules()
        self._layers = [layer for layer in parts if isinstance(layer, _LAYERS)]
        self._rows, self._pairs, self._handles, self._met = 0, pairs, list[Any](), False
        self.squares: Tensor | None = None
        """The squared norms of the last batch, shape (B,) or, of pairs, (B/2,), after its backward pass."""

    @contextmanager
    def watching(self, rows: int) -> Iterator[GradientSizes]:
        """Watch the layers inside, in the forward pass of so many rows."""
        self.squares, self._met, self._rows = None, False, rows
        self._handles = [layer.register_forward_hook(self._forward) for layer in self._layers]
        try:
            yield self
        finally:
            for handle in self._handles:
                handle.remove()

    def outputs(self, x: Tensor, predictions: Sequence[Tensor]) -> None:
        """Where no layer was met, the predictions are taken for those of linear layers whose input is x."""
        if not self._met:
            for prediction in predictions:
                self._watch(x, prediction)

    def _forward(self, layer: nn.Module, inputs: tuple[Any, ...], output: Any) -> None:
        if isinstance(output, Tensor) and len(inputs[0]) == len(output) == self._rows:
            self._watch(inputs[0], output)

    def _watch(self, inputs: Tensor, output: Tensor) -> None:
        if output.requires_grad:
            self._met = True
            output.register_hook(functools.partial(self._backward, inputs.detach()))  # type: ignore[no-untyped-call]

    def _backward(self, inputs: Tensor, gradient: Tensor) -> None:
        squares = outer_squares(inputs, gradient, self._pairs)
        self.squares = squares if self.squares is None else self.squares + squares
