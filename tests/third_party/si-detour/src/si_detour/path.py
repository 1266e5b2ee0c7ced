"""A path that is not spatially linear: it bows round the origin.

    I(t, x0, x1) = (1-t) x0 + t x1 + t(1-t) B(x0, x1)
    B(x0, x1)    = turn exp(-|m|^2 / (2 radius^2)) J (x1 - x0),     m = (x0 + x1)/2

J turns each pair of coordinates by a quarter, ``(a, b) -> (-b, a)``; a last coordinate without a partner stays on the
chord. Seen along the chord the path bows out to the left, by ``turn/4`` of the chord's length where its middle is the
origin, and by less the farther away that is. All of it is smooth in t, x0 and x1, and the ends are exact.
"""

from __future__ import annotations

import math
from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor

from si_core import Interpolant, UniformClock, UsageError

__all__ = ["Detour"]


class Detour(Interpolant):
    """``I = (1-t) x0 + t x1 + t(1-t) turn exp(-|m|^2/(2 radius^2)) J (x1-x0)`` with ``m = (x0+x1)/2``.

    J turns each pair of coordinates of the flattened event by a quarter.

    Args:
        turn: four times the height of the bow beside the chord's length; negative to bow out to the right.
        radius: the distance from the origin over which bows flatten, in the units of the states.

    Raises:
        UsageError: options that are not finite or a radius that is not positive; states of fewer than two coordinates.
    """

    clock = UniformClock()

    def __init__(self, turn: float = 2.0, radius: Annotated[float, Field(gt=0)] = 1.5) -> None:
        if not math.isfinite(turn):
            raise UsageError("turn of a detour", got=repr(turn), allowed="a finite number")
        if not 0 < radius < math.inf:
            raise UsageError("radius of a detour", got=repr(radius), allowed="a finite number > 0")
        self.turn, self.radius = turn, radius

    def value(self, t: Tensor, x0: Tensor, x1: Tensor) -> Tensor:
        return (1 - t) * x0 + t * x1 + t * (1 - t) * self._bow(x0, x1)

    def velocity(self, t: Tensor, x0: Tensor, x1: Tensor) -> Tensor:
        return x1 - x0 + (1 - 2 * t) * self._bow(x0, x1)

    def _bow(self, x0: Tensor, x1: Tensor) -> Tensor:
        """``B(x0, x1)``, shape (B, *event)."""
        if math.prod(x0.shape[1:]) < 2:
            raise UsageError("a detour needs a plane to turn in", got=f"an event of shape {tuple(x0.shape[1:])}")
        middle, axes = (x0 + x1) / 2, tuple(range(1, x0.ndim))
        height = self.turn * torch.exp(-middle.square().sum(axes, keepdim=True) / (2 * self.radius**2))
        return height * _quarter_turn(x1 - x0)


def _quarter_turn(x: Tensor) -> Tensor:
    """``(a, b) -> (-b, a)`` for each pair of coordinates, 0 for a last one alone; shape of x."""
    flat = x.flatten(1)
    pairs, alone = divmod(flat.shape[1], 2)
    first, second = flat[:, : 2 * pairs].unflatten(1, (pairs, 2)).unbind(2)
    turned = torch.stack([-second, first], 2).flatten(1)
    return torch.nn.functional.pad(turned, (0, alone)).reshape(x.shape)
