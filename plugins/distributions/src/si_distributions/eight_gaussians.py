"""Eight equal Gaussians on a circle, a Gaussian mixture by its geometry."""

from __future__ import annotations

import math
from typing import Annotated

from pydantic import Field

from si_distributions.gaussian_mixture import GaussianMixture
from si_distributions.options import Precision, positive

__all__ = ["EightGaussians"]


class EightGaussians(GaussianMixture):
    """``1/8 sum_k N(radius (cos(k pi/4), sin(k pi/4)), scale^2 I)``.

    Mean 0 and variance ``radius^2/2 + scale^2`` in each dimension: standard deviation 1.43 by default.

    Args:
        radius: of the circle of means.
        scale: standard deviation of each Gaussian.
        dtype: of the draws.
    """

    def __init__(
        self,
        radius: Annotated[float, Field(gt=0)] = 2.0,
        scale: Annotated[float, Field(gt=0)] = 0.2,
        dtype: Precision = "float32",
    ) -> None:
        self.radius, self.scale = (
            positive(radius, "radius", "eight-gaussians"),
            positive(scale, "scale", "eight-gaussians"),
        )
        angles = [k * math.pi / 4 for k in range(8)]
        means = [[self.radius * math.cos(angle), self.radius * math.sin(angle)] for angle in angles]
        super().__init__(means=means, covariances=self.scale**2, dtype=dtype)
