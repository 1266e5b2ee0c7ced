"""The divergence of a multilayer perceptron, in the pass that gives its value.

With ``z_k`` the inputs of the activation a and ``D_k = diag a'(z_k)``, the Jacobian in x is

    ``J = V D_L W_L D_(L-1) ... W_2 D_1 W_x``,    ``div f = tr J``,    or ``v . J v`` for a probe v.

The derivatives D come with the value. What is left are products with known matrices, one a layer for many tangents at
once:

* *from the states*: a tangent for each unit vector, or for each probe. The first layer is free, for its tangents are
  ``D_1 W_x``, and the last is contracted with V: d rows through L-1 layers.
* *from the units*: with the fixed matrix ``K = W_x V``, ``tr J`` is the sum over i, j of
  ``D_1[i] K[i, j] D_L[j] (W_L D_(L-1) ... W_2)[j, i]``: w rows, the width, through L-2 layers, whatever d is; none
  where L = 2, with the fixed ``K * W_2^T`` between the derivatives, or L = 1, with the diagonal of K before them.

A reverse pass costs what the first way does. Rows are taken in portions whose tangents stay in the processor's cache,
so memory does not grow with the batch; where gradients are recorded all rows go at once.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import torch
import torch.nn.functional as F
from torch import Tensor

__all__ = ["Layers", "value_and_divergence"]

_ON_CPU, _ELSEWHERE = 2**18, 2**26
"""How many numbers the tangents of a portion may have: half of a cache of two megabytes; enough for a GPU."""


@dataclass(frozen=True)
class Layers:
    """The layers of a multilayer perceptron.

    Args:
        first: ``W_x``, shape (w, d).
        hidden: the weight (w, w) and the bias (w,) of each further hidden layer.
        last: ``V`` of all heads, shape (h d, w).
        shift: the bias of the output, shape (h d,).
        activation: its name.
    """

    first: Tensor
    hidden: tuple[tuple[Tensor, Tensor], ...]
    last: Tensor
    shift: Tensor
    activation: str

    @property
    def dimensions(self) -> tuple[int, int, int]:
        """d, w and h."""
        w, d = self.first.shape
        return d, w, len(self.last) // max(d, 1)

    @property
    def from_units(self) -> bool:
        """Whether a trace by the units costs less than by the states."""
        d, w, _ = self.dimensions
        return (len(self.hidden) - 1) * w < len(self.hidden) * d

    @property
    def tangents(self) -> int:
        """How many vectors of w numbers the trace of a state needs at a time."""
        d, w, h = self.dimensions
        if not self.from_units:
            return d
        return w if len(self.hidden) > 1 else h

    @cached_property
    def start(self) -> Tensor:
        """What the derivatives scale first: ``W_x^T``, shape (d, w), or ``W_2^T``, shape (w, w), from the units.

        Contiguous, for what is transposed without being copied would hand its strides on to all tangents.
        """
        return (self.hidden[0][0] if self.from_units else self.first).T.contiguous()

    @cached_property
    def loop(self) -> Tensor:
        """``K = W_x V`` of each head, shape (h, w, w)."""
        d, w, h = self.dimensions
        return self.first @ self.last.view(h, d, w)


class _Buffers:
    """Memory that the portions of a batch use one after the other: fresh memory costs a pass over it each time.

    Where gradients are recorded there is none, for a graph keeps every tensor.
    """

    def __init__(self, like: Tensor) -> None:
        self._like, self._kept = like, dict[str, Tensor]()
        self._recording = torch.is_grad_enabled()

    def __call__(self, name: str, *shape: int) -> Tensor | None:
        """A tensor to write to, or None for a new one."""
        if self._recording:
            return None
        size, kept = math.prod(shape), self._kept.get(name)
        if kept is None or len(kept) < size:
            kept = self._kept[name] = self._like.new_empty(size)
        return kept[:size].view(shape)


def value_and_divergence(layers: Layers, beside: Tensor, x: Tensor, probes: Tensor | None) -> tuple[Tensor, Tensor]:
    """The outputs of all heads with their divergences; they can be differentiated where gradient mode is on.

    Args:
        layers: the perceptron.
        beside: what the first layer adds to ``W_x x``: shape (w,), or (B, w) where it differs from state to state.
        x: states, shape (B, d).
        probes: shape (B, K, d), for ``v . J v``; None for the exact divergence.

    Returns:
        Values (B, h d), and divergences (B, h), or (B, h, K) for probes.
    """
    _, w, _ = layers.dimensions
    tangents = layers.tangents if probes is None else probes.shape[1]
    numbers = _ON_CPU if x.device.type == "cpu" else _ELSEWHERE
    rows, few = max(1, numbers // (2 * w)), max(1, numbers // max(1, tangents * w))
    if torch.is_grad_enabled():
        rows = few = max(1, len(x))
    buffers, values, divergences = _Buffers(x), [], []
    for begin in range(0, max(1, len(x)), rows):
        some = slice(begin, begin + rows)
        value, derivatives = _value(layers, beside if beside.ndim == 1 else beside[some], x[some], buffers)
        values.append(value)
        for first in range(0, max(1, len(value)), few):
            part = [derivative[first : first + few] for derivative in derivatives]
            if probes is not None:
                divergences.append(_of_probes(layers, part, probes[some][first : first + few], buffers))
            else:
                divergences.append((_of_units if layers.from_units else _of_states)(layers, part, buffers))
    return _joined(values), _joined(divergences)


def _joined(parts: list[Tensor]) -> Tensor:
    return parts[0] if len(parts) == 1 else torch.cat(parts)


def _value(layers: Layers, beside: Tensor, x: Tensor, buffers: _Buffers) -> tuple[Tensor, list[Tensor]]:
    """The outputs (n, h d) and the derivatives of each layer, each (n, w)."""
    activation, shape = _ACTIVATIONS[layers.activation], (len(x), len(layers.first))
    z = torch.addmm(beside, x, layers.first.T, out=buffers("z", *shape))
    h, derivative = activation(z, buffers("h", *shape), buffers("derivative 0", *shape))
    derivatives = [derivative]
    for k, (weight, bias) in enumerate(layers.hidden, 1):
        z = torch.addmm(bias, h, weight.T, out=buffers("z", *shape))
        h, derivative = activation(z, buffers("h", *shape), buffers(f"derivative {k}", *shape))
        derivatives.append(derivative)
    return F.linear(h, layers.last, layers.shift), derivatives


def _of_states(layers: Layers, derivatives: list[Tensor], buffers: _Buffers) -> Tensor:
    """``tr J`` of each head, (n, h), from a tangent for each unit vector."""
    d, w, h = layers.dimensions
    start = torch.mul(derivatives[0].unsqueeze(1), layers.start, out=buffers("even", len(derivatives[0]), d, w))
    return _through(layers, derivatives, start, buffers).view(-1, d * w) @ layers.last.view(h, d * w).T


def _of_probes(layers: Layers, derivatives: list[Tensor], probes: Tensor, buffers: _Buffers) -> Tensor:
    """``v . J v`` of each head, (n, h, K), for probes (n, K, d)."""
    d, w, h = layers.dimensions
    n, many, _ = probes.shape
    start = torch.mm(probes.reshape(-1, d), layers.first.T, out=buffers("even", n * many, w)).view(n, many, w)
    tangents = _through(layers, derivatives, _scaled(start, derivatives[0].unsqueeze(1)), buffers)
    products = (tangents.view(-1, w) @ layers.last.T).view(n, many, h, d)
    return (products * probes.unsqueeze(2)).sum(-1).transpose(1, 2)


def _of_units(layers: Layers, derivatives: list[Tensor], buffers: _Buffers) -> Tensor:
    """``tr J`` of each head, (n, h), from a tangent for each unit of the first layer."""
    _, w, h = layers.dimensions
    if not layers.hidden:
        return derivatives[0] @ (layers.first.T * layers.last.view(h, -1, w)).sum(1).T
    if len(layers.hidden) == 1:
        return ((derivatives[0] @ (layers.start * layers.loop)) * derivatives[1]).sum(-1).T
    tangents = torch.mul(derivatives[1].unsqueeze(1), layers.start, out=buffers("even", len(derivatives[1]), w, w))
    rest = Layers(layers.first, layers.hidden[1:], layers.last, layers.shift, layers.activation)
    tangents = _scaled(_through(rest, derivatives[1:], tangents, buffers), derivatives[0].unsqueeze(2))
    return tangents.view(-1, w * w) @ layers.loop.view(h, w * w).T


def _through(layers: Layers, derivatives: list[Tensor], tangents: Tensor, buffers: _Buffers) -> Tensor:
    """Tangents (n, r, w) behind the first activation, carried to behind the last: one matrix product a layer."""
    shape, w = tangents.shape, tangents.shape[-1]
    names = itertools.cycle(("odd", "even"))
    for derivative, (weight, _) in zip(derivatives[1:], layers.hidden, strict=True):
        flat = tangents.view(-1, w)
        product = torch.mm(flat, weight.T, out=buffers(next(names), len(flat), w))
        tangents = _scaled(product.view(shape), derivative.unsqueeze(1))
    return tangents


def _scaled(tangents: Tensor, derivative: Tensor) -> Tensor:
    return tangents * derivative if torch.is_grad_enabled() else tangents.mul_(derivative)


# Each activation with its derivative, from what they share. They may write to z, where they may write to h and
# derivative.


def _silu(z: Tensor, h: Tensor | None, derivative: Tensor | None) -> tuple[Tensor, Tensor]:
    s = torch.sigmoid(z, out=derivative)
    value = torch.mul(z, s, out=h)
    # s (1 + z (1 - s)) = s + h (1 - s), in one pass.
    return value, torch.lerp(s, s.new_ones(()), value, out=derivative)


def _relu(z: Tensor, h: Tensor | None, derivative: Tensor | None) -> tuple[Tensor, Tensor]:
    return F.relu(z), (z > 0).to(z.dtype)


def _gelu(z: Tensor, h: Tensor | None, derivative: Tensor | None) -> tuple[Tensor, Tensor]:
    below = torch.erf(z / math.sqrt(2)).add(1).mul(0.5)
    density = torch.exp(z.square() * -0.5) / math.sqrt(2 * math.pi)
    return torch.mul(z, below, out=h), torch.addcmul(below, z, density, out=derivative)


def _tanh(z: Tensor, h: Tensor | None, derivative: Tensor | None) -> tuple[Tensor, Tensor]:
    value = torch.tanh(z, out=h)
    return value, torch.addcmul(value.new_ones(()), value, value, value=-1, out=derivative)


_Activation = Callable[[Tensor, Tensor | None, Tensor | None], tuple[Tensor, Tensor]]

_ACTIVATIONS: dict[str, _Activation] = {"silu": _silu, "relu": _relu, "gelu": _gelu, "tanh": _tanh}
