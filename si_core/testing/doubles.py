"""Plain components to check others with: two Gaussians, a linear path and a bridge's latent between them.

Nothing concrete lives in the core but what proves it; recipes can't select these.
"""

from __future__ import annotations

import torch
from torch import Tensor

from si_core.contract.coupling import Coupling
from si_core.contract.distribution import Distribution
from si_core.contract.interpolant import SpatiallyLinear
from si_core.contract.latent import Latent
from si_core.process.process import StochasticInterpolant

__all__ = ["Bridge", "Independent", "Line", "Normal", "Silent", "process_between"]


class Line(SpatiallyLinear):
    """``alpha = 1-t``, ``beta = t``."""

    def alpha(self, t: Tensor) -> Tensor:
        return 1 - t

    def beta(self, t: Tensor) -> Tensor:
        return t


class Bridge(Latent):
    """``gamma = sqrt(t(1-t))``."""

    def gamma(self, t: Tensor) -> Tensor:
        return (t * (1 - t)).sqrt()

    def gamma_gamma_dot(self, t: Tensor) -> Tensor:
        return (1 - 2 * t) / 2


class Silent(Latent):
    """``gamma = 0``."""

    vanishes = True

    def gamma(self, t: Tensor) -> Tensor:
        return torch.zeros_like(t)


class Independent(Coupling):
    """x0 and x1 are independent."""

    independent = True

    def pair(self, x0: Tensor, x1: Tensor, generator: torch.Generator | None = None) -> tuple[Tensor, Tensor]:
        return x0, x1


class Normal(Distribution):
    """``N(mean, deviation^2 I)`` in float64.

    Args:
        shape: the event shape.
        mean: of each coordinate.
        deviation: the standard deviation of each coordinate.
    """

    def __init__(self, shape: tuple[int, ...] = (2,), mean: float = 0.0, deviation: float = 1.0) -> None:
        self.shape, self.mean, self.deviation = shape, mean, deviation
        self.standard_normal = (mean, deviation) == (0.0, 1.0)

    def sample(self, n: int, generator: torch.Generator | None = None) -> Tensor:
        noise = torch.randn(n, *self.shape, generator=generator, dtype=torch.float64)
        return self.mean + self.deviation * noise

    def log_prob(self, x: Tensor) -> Tensor:
        law = torch.distributions.Normal(self.mean, self.deviation, validate_args=False)
        return law.log_prob(x).flatten(1).sum(1)  # type: ignore[no-untyped-call,no-any-return]


def process_between(source: Distribution, target: Distribution, latent: Latent | None = None) -> StochasticInterpolant:
    """The process of the line and the bridge between independent ends."""
    return StochasticInterpolant(Line(), latent or Bridge(), Independent(), source, target)
