"""Two interleaved half circles with Gaussian noise."""

from __future__ import annotations

import math
from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor

from si_distributions.noisy_curve import NoisyCurve
from si_distributions.options import Precision, positive

__all__ = ["TwoMoons"]


class TwoMoons(NoisyCurve):
    """An upper half circle about ``(-r/2, -r/4)`` and a lower one about ``(r/2, r/4)``, uniform along the arcs.

    Mean 0; standard deviations about (1.73, 0.99) by default. The density is exact up to quadrature.

    Args:
        radius: r, of both half circles.
        noise: standard deviation of the noise.
        dtype: of the draws.
    """

    def __init__(
        self,
        radius: Annotated[float, Field(gt=0)] = 2.0,
        noise: Annotated[float, Field(gt=0)] = 0.1,
        dtype: Precision = "float32",
    ) -> None:
        self.radius = positive(radius, "radius", "two-moons")
        super().__init__(noise, branches=2, speed=math.pi * self.radius, dtype=dtype, where="two-moons")

    def curve(self, u: Tensor, branch: Tensor) -> Tensor:
        sign = 1 - 2 * branch
        upper = torch.stack([torch.cos(math.pi * u) - 0.5, torch.sin(math.pi * u) - 0.25], -1)
        return self.radius * sign[:, None] * upper
