"""Drift parts: the drift at a state, in the parts in which it comes.

    drift = weight output + rate x

A network's output is a part of the drift beside a multiple of the state. Methods add multiples of drifts to states and
do nothing else with them; added part by part, a drift needs no memory of its own and fewer passes over the states.
"""

from __future__ import annotations

from typing import NamedTuple, Protocol

import torch
from torch import Tensor

__all__ = ["DriftFunction", "DriftParts"]


class DriftParts(NamedTuple):
    """``weight output + rate x``.

    Args:
        output: shape (B, *event). It may belong to a network, so it is not written to, and it is good until the next
            evaluation.
        x: the state, shape (B, *event).
        weight: of the output.
        rate: of the state.
    """

    output: Tensor
    x: Tensor
    weight: float = 1.0
    rate: float = 0.0

    def added_to(self, base: Tensor, h: float, out: Tensor | None = None) -> Tensor:
        """``base + h drift``, shape of x.

        Args:
            base: what is added to, shape of x.
            h: the factor of the drift.
            out: where to write, such as ``base`` or ``x`` themselves; None for a new tensor, as gradients need it.
        """
        output, x, weight, rate = self
        if out is x and output.untyped_storage().data_ptr() == x.untyped_storage().data_ptr():
            output = output.clone()
        if not rate:
            return torch.add(base, output, alpha=h * weight, out=out)
        moved = base.add_(x, alpha=h * rate) if out is base else torch.add(base, x, alpha=h * rate, out=out)
        return moved.add_(output, alpha=h * weight)

    def value(self, out: Tensor | None = None) -> Tensor:
        """The drift, shape of x; without ``out`` it may be the output itself."""
        output, x, weight, rate = self
        if out is not None:
            found = torch.mul(output, weight, out=out)
        elif weight != 1.0:
            found = output * weight
        else:
            return torch.add(output, x, alpha=rate) if rate else output
        return found.add_(x, alpha=rate) if rate else found

    def copied(self) -> Tensor:
        """The drift in a tensor of its own, shape of x, to be used after the next evaluation."""
        found = self.value()
        return found.clone() if found is self.output else found


class DriftFunction(Protocol):
    """A function that gives the drift at a time and a state, in parts."""

    def __call__(self, time: float, x: Tensor, /) -> DriftParts:
        """The drift at a time of the problem's clock, for states of shape (B, *event)."""
