"""Clocks to choose by name: the maps that processes use by themselves (:mod:`si_core.contract.clock`), and `shift`."""

from __future__ import annotations

import math
from typing import Annotated

from pydantic import Field
from torch import Tensor

from si_core import Clock, SineClock, UniformClock, UsageError

__all__ = ["ShiftClock", "SineClock", "UniformClock"]


class ShiftClock(Clock):
    """``t = u/(u + shift (1-u))``: the timestep shift of rectified flows for large images (arXiv 2403.03206, 5.3.2).

    With sigma = 1-t, the share of noise, it is ``sigma = shift s/(1 + (shift - 1) s)`` of ``s = 1-u``: a shift above 1
    takes more steps where there is much noise, below 1 fewer.

    Args:
        shift: the ratio of ``sigma/(1 - sigma)`` to ``s/(1 - s)``.
    """

    def __init__(self, shift: Annotated[float, Field(gt=0)] = 3.0) -> None:
        if not 0 < shift < math.inf:
            raise UsageError("shift of a clock", got=repr(shift), allowed="a finite number > 0")
        self.shift = shift

    def time(self, u: Tensor) -> Tensor:
        return u / (u + self.shift * (1 - u))

    def rate(self, u: Tensor) -> Tensor:
        return self.shift / (u + self.shift * (1 - u)).square()

    def position(self, t: Tensor) -> Tensor:
        return self.shift * t / (self.shift * t + (1 - t))
