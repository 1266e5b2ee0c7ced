"""Corrupted events as conditions: ``y = A x`` in the units of the data, with what tells the operator of each event."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from si_core import Condition, ConditionSpec, Distribution, Frame
from si_operators.operator import Operator

__all__ = ["NAME", "Corruption", "corruption_of"]

NAME = "corrupted"
"""The condition that is y."""


@dataclass(frozen=True)
class Corruption:
    """What an operator leaves of events x in model space, ``x_data = shift + scale x``: ``y = A x_data``.

    Of y, in the units of the data and as a person has it, follows the picture in model space

        ``f(y) = fill(y - A shift) / scale``,

    and ``A (shift + scale f(y)) = y`` where the operator is consistent.

    Args:
        operator: A; drawn for the events where it is random.
        frame: the units of events.
    """

    operator: Operator
    frame: Frame

    @staticmethod
    def specs(operator: Operator, target: Distribution) -> dict[str, ConditionSpec]:
        """The conditions of corrupted draws of a target: y, of about the mean and scale of events, and those of the
        operator.

        Raises:
            UsageError: a target of a shape that the operator is not for.
        """
        frame, shape = target.frame, tuple(target.shape)
        mean, scale = float(frame.shift.mean()), float(frame.scale.mean())
        return {NAME: ConditionSpec(operator.out_shape(shape), mean=mean, scale=scale), **operator.conditions(shape)}

    def observed(self, x: Tensor) -> Tensor:
        """``y = A (shift + scale x)`` of events in model space, (B, *event) -> (B, *out)."""
        return self.operator.apply(self.frame.decode(x))

    def picture(self, y: Tensor) -> Tensor:
        """``f(y)`` in model space, (B, *out) -> (B, *event)."""
        scale = self.frame.scale.to(y)
        return self.operator.fill(y - self._offset(y), self.frame.shape) / scale

    def unseen(self, z: Tensor) -> Tensor:
        """The part of events z in model space that y says nothing of, ``z - fill(A scale z) / scale``: with it added to
        x a consistent operator gives the same y."""
        scale = self.frame.scale.to(z)
        return z - self.operator.fill(self.operator.apply(scale * z), self.frame.shape) / scale

    def conditions(self, y: Tensor) -> Condition:
        """The conditions of events by name."""
        return {NAME: y, **self.operator.values()}

    def consistent(self, y: Tensor) -> Tensor:
        """The y nearest to a given one that events have, ``A fill(y)``, such as zeros where a mask hides what stood
        there; y itself where the operator does not say what events have."""
        if not self.operator.consistent:
            return y
        return self.operator.apply(self.operator.fill(y, self.frame.shape))

    def _offset(self, y: Tensor) -> Tensor:
        """``A shift``, (1 or B, *out): zero where data space is model space."""
        shift = self.frame.shift.to(y).expand(self.frame.shape)
        return self.operator.apply(shift.expand(len(y), *self.frame.shape))


def corruption_of(operator: Operator, frame: Frame, n: int, generator: torch.Generator | None) -> Corruption:
    """The corruption of n events."""
    return Corruption(operator.drawn(n, frame.shape, generator), frame)
