"""Spatially linear interpolants ``I(t, x0, x1) = alpha(t) x0 + beta(t) x1`` (arXiv 2303.08797, section 4)."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from si_core import Clock, Latent, LinearCoefficients, SineClock, SpatiallyLinear, UniformClock, UsageError

__all__ = ["EncoderDecoder", "Linear", "Trigonometric", "VarianceMatchedTrigonometric", "VariancePreserving"]

_HALF_PI = math.pi / 2


class Linear(SpatiallyLinear):
    """``alpha = 1-t``, ``beta = t``."""

    clock = UniformClock()

    def alpha(self, t: Tensor) -> Tensor:
        return 1 - t

    def beta(self, t: Tensor) -> Tensor:
        return t

    def alpha_dot(self, t: Tensor) -> Tensor:
        return -torch.ones_like(t)

    def beta_dot(self, t: Tensor) -> Tensor:
        return torch.ones_like(t)

    def in_clock(self, clock: Clock, u: Tensor) -> LinearCoefficients:
        t, rate = clock.time(u), clock.rate(u)
        return LinearCoefficients(1 - t, t, -rate, rate)


class Trigonometric(SpatiallyLinear):
    """``alpha = cos(pi t/2)``, ``beta = sin(pi t/2)``: keeps the variance of uncorrelated ends of equal variance."""

    clock = UniformClock()

    def alpha(self, t: Tensor) -> Tensor:
        # The sine of the remaining time is exactly 0 at t = 1, the cosine is not.
        return torch.sin((1 - t) * _HALF_PI)

    def beta(self, t: Tensor) -> Tensor:
        return torch.sin(t * _HALF_PI)

    def alpha_dot(self, t: Tensor) -> Tensor:
        return -_HALF_PI * self.beta(t)

    def beta_dot(self, t: Tensor) -> Tensor:
        return _HALF_PI * self.alpha(t)


class VarianceMatchedTrigonometric(SpatiallyLinear):
    """``alpha = sqrt(1-gamma^2) cos(pi t/2)``, ``beta = sqrt(1-gamma^2) sin(pi t/2)``.

    With the latent's variance added, x_t keeps the variance of uncorrelated ends of unit variance at all times.

    Args:
        latent: the latent of the process; supplied by the builder.

    Raises:
        UsageError: gamma reaches 1, where the path would lose its ends.
    """

    clock = UniformClock()

    def __init__(self, latent: Latent) -> None:
        self.latent = latent
        gamma = 0.0 if latent.vanishes else float(latent.gamma(torch.linspace(0, 1, 1025, dtype=torch.float64)).max())
        if gamma >= 1:
            raise UsageError(
                "variance-matched-trigonometric needs gamma < 1 at all times",
                got=f"gamma up to {gamma:.4g}",
                fix="a smaller scale of the latent (below 4 for `brownian`)",
            )

    def _root(self, t: Tensor) -> Tensor:
        return (1 - self.latent.gamma(t).square()).sqrt()

    def alpha(self, t: Tensor) -> Tensor:
        return self._root(t) * torch.sin((1 - t) * _HALF_PI)

    def beta(self, t: Tensor) -> Tensor:
        return self._root(t) * torch.sin(t * _HALF_PI)

    def alpha_dot(self, t: Tensor) -> Tensor:
        root = self._root(t)
        shrink = self.latent.gamma_gamma_dot(t) / root
        return -root * _HALF_PI * torch.sin(t * _HALF_PI) - shrink * torch.sin((1 - t) * _HALF_PI)

    def beta_dot(self, t: Tensor) -> Tensor:
        root = self._root(t)
        shrink = self.latent.gamma_gamma_dot(t) / root
        return root * _HALF_PI * torch.sin((1 - t) * _HALF_PI) - shrink * torch.sin(t * _HALF_PI)


class EncoderDecoder(SpatiallyLinear):
    """``alpha = cos^2(pi t)`` up to t = 1/2, then 0; ``beta`` the other way round.

    The path leaves x0, passes through the latent alone at t = 1/2, and arrives at x1.
    """

    clock = UniformClock()

    def alpha(self, t: Tensor) -> Tensor:
        return torch.where(t < 0.5, torch.cos(math.pi * t).square(), torch.zeros_like(t))

    def beta(self, t: Tensor) -> Tensor:
        return torch.where(t < 0.5, torch.zeros_like(t), torch.cos(math.pi * t).square())

    def alpha_dot(self, t: Tensor) -> Tensor:
        return torch.where(t < 0.5, -math.pi * torch.sin(2 * math.pi * t), torch.zeros_like(t))

    def beta_dot(self, t: Tensor) -> Tensor:
        return torch.where(t < 0.5, torch.zeros_like(t), -math.pi * torch.sin(2 * math.pi * t))


class VariancePreserving(SpatiallyLinear):
    """``alpha = sqrt(1-t^2)``, ``beta = t``: with a standard normal source, score-based diffusion.

    ``t = exp(-tau)`` maps it to the time tau of the Ornstein-Uhlenbeck process (Song et al., arXiv 2011.13456).
    """

    clock = SineClock(start=False, stop=True)

    def alpha(self, t: Tensor) -> Tensor:
        return ((1 - t) * (1 + t)).sqrt()

    def beta(self, t: Tensor) -> Tensor:
        return t

    def alpha_dot(self, t: Tensor) -> Tensor:
        return -t / self.alpha(t)

    def beta_dot(self, t: Tensor) -> Tensor:
        return torch.ones_like(t)

    def in_clock(self, clock: Clock, u: Tensor) -> LinearCoefficients:
        if clock != self.clock:
            return super().in_clock(clock, u)
        beta, alpha = torch.sin(u * _HALF_PI), torch.sin((1 - u) * _HALF_PI)
        return LinearCoefficients(alpha, beta, -_HALF_PI * beta, _HALF_PI * alpha)
