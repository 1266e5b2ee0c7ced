"""The variance-preserving path of diffusion models with a linear beta schedule (Song et al., arXiv 2011.13456)."""

from __future__ import annotations

import math
from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor

from si_core import Clock, LinearCoefficients, SineClock, SpatiallyLinear, UsageError

__all__ = ["VPBeta"]


class VPBeta(SpatiallyLinear):
    """``beta = exp(-B/2)``, ``alpha = sqrt(1 - exp(-B))``, ``B = beta_min r + (beta_max - beta_min) r^2/2``, r = 1-t.

    r is the time of the diffusion, from data at r = 0 to noise at r = 1: ``dx = -b(r) x/2 dr + sqrt(b(r)) dw`` with
    ``b(r) = beta_min + (beta_max - beta_min) r``. Time runs here from noise to data, t = 1-r.

    It does not meet its source: ``x_0 = alpha(0) x0 + beta(0) x1`` keeps ``beta(0) = exp(-(beta_min + beta_max)/4)``
    of the data, 0.0066 at the defaults, and sampling from a standard normal errs by it. The target is met exactly.

    Args:
        beta_min: b at the data.
        beta_max: b at the noise.

    Raises:
        UsageError: not ``0 < beta_min <= beta_max``.
    """

    meets_ends = False
    clock = SineClock(start=False, stop=True)

    def __init__(
        self, beta_min: Annotated[float, Field(gt=0)] = 0.1, beta_max: Annotated[float, Field(gt=0)] = 20.0
    ) -> None:
        if not 0 < beta_min <= beta_max < math.inf:
            raise UsageError(
                "the schedule of vp-beta",
                got=f"beta_min = {beta_min}, beta_max = {beta_max}",
                allowed="0 < beta_min <= beta_max, finite",
            )
        self.beta_min, self.beta_max = beta_min, beta_max

    def _level(self, r: Tensor) -> Tensor:
        """``b(r)``."""
        return self.beta_min + (self.beta_max - self.beta_min) * r

    def _mean_level(self, r: Tensor) -> Tensor:
        """``B(r)/r``."""
        return self.beta_min + 0.5 * (self.beta_max - self.beta_min) * r

    def _alpha(self, r: Tensor) -> Tensor:
        return (-torch.expm1(-r * self._mean_level(r))).sqrt()

    def _beta(self, r: Tensor) -> Tensor:
        return torch.exp(-0.5 * r * self._mean_level(r))

    def alpha(self, t: Tensor) -> Tensor:
        return self._alpha(1 - t)

    def beta(self, t: Tensor) -> Tensor:
        return self._beta(1 - t)

    def alpha_dot(self, t: Tensor) -> Tensor:
        return -0.5 * self._level(1 - t) * self.beta(t).square() / self.alpha(t)

    def beta_dot(self, t: Tensor) -> Tensor:
        return 0.5 * self._level(1 - t) * self.beta(t)

    def in_clock(self, clock: Clock, u: Tensor) -> LinearCoefficients:
        if clock != self.clock:
            return super().in_clock(clock, u)
        # r = 2 sin^2(q) keeps its digits near t = 1, where alpha ~ sqrt(beta_min r) and dt/du = pi sin(q) cos(q).
        q = (1 - u) * (math.pi / 4)
        r, rate = 2 * torch.sin(q).square(), math.pi * torch.sin(q) * torch.cos(q)
        total = r * self._mean_level(r)
        fraction = torch.where(total > 0, -torch.expm1(-total) / torch.where(total > 0, total, 1.0), 1.0)
        alpha_per_sine = (2 * self._mean_level(r) * fraction).sqrt()
        beta, level = self._beta(r), 0.5 * self._level(r)
        alpha_rate = -level * beta.square() * math.pi * torch.cos(q) / alpha_per_sine
        return LinearCoefficients(torch.sin(q) * alpha_per_sine, beta, alpha_rate, level * beta * rate)
