"""Latents: the size ``gamma(t)`` of the noise in ``x_t = I(t, x0, x1) + gamma(t) z``.

``gamma(0) = gamma(1) = 0``, ``gamma > 0`` between, ``gamma^2`` smooth; gamma itself may have infinite derivative at the
ends (arXiv 2303.08797, section 2). An author writes ``gamma`` alone. A latent that is not 0 at the ends says so
(``meets_ends = False``).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

import torch
from torch import Tensor

from si_core.contract.answers import entrywise
from si_core.contract.clock import Clock
from si_core.contract.limits import derivative, end_limits
from si_core.errors import UsageError

__all__ = ["Latent", "LatentCoefficients"]


@dataclass(frozen=True)
class LatentCoefficients:
    """What a process needs of its latent at clock positions u, each of the shape of u.

    Args:
        gamma: the size of the noise.
        gamma_rate: ``d gamma/du``.
        gamma_gamma_rate: ``gamma d gamma/du``, finite also where ``d gamma/du`` is not.
        rate_over_gamma: ``(dt/du)/gamma``, the size of the score's coefficient per unit of clock.
    """

    gamma: Tensor
    gamma_rate: Tensor
    gamma_gamma_rate: Tensor
    rate_over_gamma: Tensor


class Latent(ABC):
    """The noise schedule ``gamma(t)``."""

    vanishes: bool = False
    """Whether gamma is 0 at all times (deterministic interpolants)."""

    meets_ends: bool = True
    """Whether gamma is 0 at t = 0 and t = 1. Where not, ``x_0 = x0 + gamma(0) z`` and ``x_1 = x1 + gamma(1) z``."""

    clock: Clock | None = None
    """The clock in which gamma is smooth; None to find out from the derivative at the ends."""

    @abstractmethod
    def gamma(self, t: Tensor) -> Tensor:
        """The size of the noise at times t in [0, 1], shape of t."""

    def gamma_dot(self, t: Tensor) -> Tensor:
        """``d gamma/dt``, shape of t; may be infinite at the ends."""
        return derivative(self.gamma, t)

    def gamma_gamma_dot(self, t: Tensor) -> Tensor:
        """``gamma d gamma/dt``, shape of t; override it where gamma_dot is infinite, for the product is finite."""
        return self.gamma(t) * self.gamma_dot(t)

    def sample(self, like: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """Noise z of the shape, dtype and device of ``like``: standard normal."""
        return torch.empty_like(like).normal_(generator=generator)

    def path(self, times: Tensor, like: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """A whole path of the noise, whose law at each time is that of ``gamma(t) z``; where there is such a process.

        Args:
            times: increasing times in [0, 1], shape (K,).
            like: gives shape, dtype and device of the noise, (B, *event).

        Returns:
            shape (K, B, *event).

        Raises:
            UsageError: this latent is known at single times only.
        """
        raise UsageError(
            f"{type(self).__name__} has no paths: it is known at single times only", fix="use `latent: brownian`"
        )

    def in_clock(self, clock: Clock, u: Tensor) -> LatentCoefficients:
        """The coefficients at clock positions u in [0, 1], shape (N,).

        The chain rule, with the limit from inside where it reads 0 times infinity or 0/0 at an end. Override it where
        a closed form in a clock is at hand.
        """

        def coefficients(v: Tensor) -> Tensor:
            t, rate = clock.time(v), clock.rate(v)
            gamma = entrywise(self.gamma, t)
            first, second = entrywise(self.gamma_dot, t) * rate, entrywise(self.gamma_gamma_dot, t) * rate
            return torch.stack([gamma, first, second, rate / gamma], -1)

        return LatentCoefficients(*end_limits(coefficients, u).unbind(-1))
