"""Interpolants: the path ``I(t, x0, x1)`` between a draw of the source and a draw of the target.

``I(0, x0, x1) = x0`` and ``I(1, x0, x1) = x1`` (Albergo, Boffi, Vanden-Eijnden, arXiv 2303.08797, section 2).
An author writes ``value`` alone, or for the spatially linear family ``alpha`` and ``beta`` alone; derivatives come by
forward-mode differentiation unless they are written too.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

import torch
from torch import Tensor

from si_core.contract.clock import Clock, SineClock, UniformClock
from si_core.contract.limits import derivative, end_limits, forward_mode

__all__ = ["Interpolant", "LinearCoefficients", "SpatiallyLinear", "slope_clock"]


def match(t: Tensor | float, x: Tensor) -> Tensor:
    """t as a tensor of x's dtype and device that broadcasts over the event of x, shape (B, 1, ...) or ()."""
    t = torch.as_tensor(t, dtype=x.dtype, device=x.device)
    return t.reshape(t.shape + (1,) * (x.ndim - t.ndim)) if t.ndim else t


class Interpolant(ABC):
    """A path between two points, ``I(t, x0, x1)``."""

    spatially_linear: bool = False
    """Whether ``I = alpha(t) x0 + beta(t) x1``; set by :class:`SpatiallyLinear`."""

    clock: Clock | None = None
    """The clock in which the path is smooth; None to find out from the slopes at the ends."""

    @abstractmethod
    def value(self, t: Tensor, x0: Tensor, x1: Tensor) -> Tensor:
        """``I(t, x0, x1)``.

        Args:
            t: times, shape (B,) or ().
            x0: shape (B, *event).
            x1: shape (B, *event).

        Returns:
            shape (B, *event), dtype and device of x0.
        """

    def velocity(self, t: Tensor, x0: Tensor, x1: Tensor) -> Tensor:
        """``dI/dt`` at fixed (x0, x1), shape (B, *event); by forward-mode differentiation of :meth:`value`."""
        t = torch.as_tensor(t, dtype=x0.dtype, device=x0.device)
        with forward_mode():
            t, x0, x1 = (v.clone() if v.is_inference() else v for v in (t, x0, x1))
            tangent: Tensor = torch.func.jvp(lambda s: self.value(s, x0, x1), (t,), (torch.ones_like(t),))[1]
        return tangent


@dataclass(frozen=True)
class LinearCoefficients:
    """``alpha``, ``beta`` and their derivatives per unit of clock, each of the shape of u."""

    alpha: Tensor
    beta: Tensor
    alpha_rate: Tensor
    beta_rate: Tensor


class SpatiallyLinear(Interpolant):
    """``I(t, x0, x1) = alpha(t) x0 + beta(t) x1`` with ``alpha(0) = beta(1) = 1``, ``alpha(1) = beta(0) = 0``."""

    spatially_linear = True

    @abstractmethod
    def alpha(self, t: Tensor) -> Tensor:
        """The weight of x0, shape of t."""

    @abstractmethod
    def beta(self, t: Tensor) -> Tensor:
        """The weight of x1, shape of t."""

    def alpha_dot(self, t: Tensor) -> Tensor:
        """``d alpha/dt``, shape of t."""
        return derivative(self.alpha, t)

    def beta_dot(self, t: Tensor) -> Tensor:
        """``d beta/dt``, shape of t."""
        return derivative(self.beta, t)

    def value(self, t: Tensor, x0: Tensor, x1: Tensor) -> Tensor:
        t = torch.as_tensor(t, dtype=x0.dtype, device=x0.device)
        return match(self.alpha(t), x0) * x0 + match(self.beta(t), x1) * x1

    def velocity(self, t: Tensor, x0: Tensor, x1: Tensor) -> Tensor:
        t = torch.as_tensor(t, dtype=x0.dtype, device=x0.device)
        return match(self.alpha_dot(t), x0) * x0 + match(self.beta_dot(t), x1) * x1

    def in_clock(self, clock: Clock, u: Tensor) -> LinearCoefficients:
        """The coefficients at clock positions u in [0, 1], shape (N,), with derivatives per unit of clock.

        The chain rule, with the limit from inside where it reads 0 times infinity at an end. Override it where a
        closed form in a clock is at hand.
        """

        def coefficients(v: Tensor) -> Tensor:
            t, rate = clock.time(v), clock.rate(v)
            parts = (self.alpha(t), self.beta(t), self.alpha_dot(t) * rate, self.beta_dot(t) * rate)
            return torch.stack([torch.as_tensor(p, dtype=v.dtype, device=v.device).expand_as(v) for p in parts], -1)

        return LinearCoefficients(*end_limits(coefficients, u).unbind(-1))


def slope_clock(slopes: list[Tensor]) -> Clock:
    """The clock that tames functions whose slopes at t = 0 and 1 are given, each of shape (2,).

    An infinite slope at an end (the square-root case) asks for order 2 there.
    """
    steep = [any(not bool(torch.isfinite(slope[end])) for slope in slopes) for end in (0, 1)]
    return SineClock(*steep) if any(steep) else UniformClock()
