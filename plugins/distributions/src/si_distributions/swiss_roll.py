"""A spiral in the plane with Gaussian noise."""

from __future__ import annotations

import math
from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor

from si_distributions.noisy_curve import NoisyCurve
from si_distributions.options import Precision, positive

__all__ = ["SwissRoll"]

_START = 1.5 * math.pi


class SwissRoll(NoisyCurve):
    """``r (angle/end) (cos angle, sin angle)``, the angle uniform from ``3 pi/2`` to ``end = 3 pi/2 + 2 pi turns``.

    The roll is centred at the origin; standard deviations about (1.4, 1.5) by default. The density is exact up to
    quadrature.

    Args:
        radius: r, at the outer end.
        turns: how often it winds around.
        noise: standard deviation of the noise.
        dtype: of the draws.
    """

    def __init__(
        self,
        radius: Annotated[float, Field(gt=0)] = 3.0,
        turns: Annotated[float, Field(gt=0)] = 1.5,
        noise: Annotated[float, Field(gt=0)] = 0.1,
        dtype: Precision = "float32",
    ) -> None:
        self.radius, self.turns = positive(radius, "radius", "swiss-roll"), positive(turns, "turns", "swiss-roll")
        self._end = _START + 2 * math.pi * self.turns
        speed = 2 * math.pi * self.turns * self.radius * math.hypot(1, 1 / self._end)
        super().__init__(noise, branches=1, speed=speed, dtype=dtype, where="swiss-roll")

    def curve(self, u: Tensor, branch: Tensor) -> Tensor:
        angle = _START + (self._end - _START) * u
        return (self.radius * angle / self._end)[:, None] * torch.stack([angle.cos(), angle.sin()], -1)
