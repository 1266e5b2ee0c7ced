"""Plain components to check others with: two Gaussians, a linear path and a bridge's latent between them, and a method.

Nothing concrete lives in the core but what proves it; recipes can't select these.
"""

from __future__ import annotations

import copy
import math
from itertools import pairwise
from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor

from si_core import (
    Coupling,
    Distribution,
    Integrator,
    Latent,
    Problem,
    SpatiallyLinear,
    StochasticInterpolant,
    Trajectory,
)

__all__ = ["Bridge", "Heun", "Independent", "Line", "Normal", "Silent", "process_between"]


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

    def __init__(
        self, shape: tuple[Annotated[int, Field(ge=1, le=100)], ...] = (2,), mean: float = 0.0, deviation: float = 1.0
    ) -> None:
        self.shape, self.mean, self.deviation = shape, mean, deviation
        self.standard_normal = (mean, deviation) == (0.0, 1.0)
        self.entropy = 0.5 * math.prod(shape) * math.log(2 * math.pi * math.e * deviation**2)

    def sample(self, n: int, generator: torch.Generator | None = None) -> Tensor:
        place = None if generator is None else generator.device
        noise = torch.randn(n, *self.shape, generator=generator, device=place, dtype=torch.float64)
        return self.mean + self.deviation * noise

    def log_prob(self, x: Tensor) -> Tensor:
        law = torch.distributions.Normal(self.mean, self.deviation, validate_args=False)
        return law.log_prob(x).flatten(1).sum(1)  # type: ignore[no-untyped-call,no-any-return]


class Heun(Integrator):
    """Heun's method with equal steps, of order 2, also for noise that does not depend on the state.

    With ``f_r = drift(r, x)``, step h from r to t, and one increment ``w ~ N(0, |h| I)`` for both stages:

        ``y = x + h f_r + noise(r) w``
        ``x + h/2 (f_r + drift(t, y)) + (noise(r) + noise(t))/2 w``

    Args:
        steps: their number.
    """

    stochastic = True
    order = 2.0

    def __init__(self, steps: Annotated[int, Field(ge=1, le=1000)] = 32) -> None:
        self.steps = steps

    def solve(self, transport: Problem, x: Tensor, generator: torch.Generator | None = None) -> Trajectory:
        start, h = transport.start, (transport.stop - transport.start) / self.steps
        times = [start + h * k for k in range(self.steps)] + [transport.stop]
        transport.prepare(times, x)
        first = x
        for r, t in pairwise(times):
            drift, noise = transport.drift(r, x), torch.zeros_like(x)
            if transport.stochastic:
                noise = torch.empty_like(x).normal_(generator=generator) * abs(h) ** 0.5
            ahead = x + h * drift + transport.noise(r) * noise
            spread = (transport.noise(r) + transport.noise(t)) / 2
            x = x + h / 2 * (drift + transport.drift(t, ahead)) + spread * noise
        ends = torch.tensor([times[0], times[-1]], dtype=x.dtype, device=x.device)
        return Trajectory(ends, torch.stack([first, x]), 2 * self.steps)

    def part(self, fraction: float) -> Integrator:
        part = copy.copy(self)
        part.steps = max(1, round(fraction * self.steps))
        return part


def process_between(source: Distribution, target: Distribution, latent: Latent | None = None) -> StochasticInterpolant:
    """The process of the line and the bridge between independent ends."""
    return StochasticInterpolant(Line(), latent or Bridge(), Independent(), source, target)
