"""Interpolants: the path ``I(t, x0, x1)`` between a draw of the source and a draw of the target.

``I(0, x0, x1) = x0`` and ``I(1, x0, x1) = x1`` (Albergo, Boffi, Vanden-Eijnden, arXiv 2303.08797, section 2).
An author writes ``value`` alone, or for the spatially linear family ``alpha`` and ``beta`` alone; derivatives come by
forward-mode differentiation unless they are written too.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor

from si_core.contract.answers import entrywise, form_of, misbehaved
from si_core.contract.clock import Clock, SineClock, UniformClock
from si_core.contract.limits import derivative, end_limits, forward_mode
from si_core.contract.modules import parameters_like

__all__ = ["Interpolant", "LinearCoefficients", "SpatiallyLinear", "derivative_clock"]


def match(t: Tensor | float, x: Tensor) -> Tensor:
    """t as a tensor of x's dtype and device that broadcasts over the event of x, shape (B, 1, ...) or ()."""
    t = torch.as_tensor(t, dtype=x.dtype, device=x.device)
    return t.reshape(t.shape + (1,) * (x.ndim - t.ndim)) if t.ndim else t


class Interpolant(ABC):
    """A path between two points, ``I(t, x0, x1)``.

    Authors write :meth:`value`, and :meth:`velocity` if they like; whoever needs the path calls :meth:`at` and
    :meth:`velocity_at`, which take times of any form and give them to the author's methods in the one described there.
    """

    spatially_linear: bool = False
    """Whether ``I = alpha(t) x0 + beta(t) x1``; set by :class:`SpatiallyLinear`."""

    meets_ends: bool = True
    """Whether ``I(0) = x0`` and ``I(1) = x1``. Where not, the process has other laws there than source and target."""

    clock: Clock | None = None
    """The clock in which the path is smooth; None to find out from the derivatives at the ends."""

    @abstractmethod
    def value(self, t: Tensor, x0: Tensor, x1: Tensor) -> Tensor:
        """``I(t, x0, x1)``, written by the author; it is called by :meth:`at`.

        Times broadcast over the event, so ``(1 - t) * x0 + t * x1`` is right as it stands. Of a path that is a module,
        all inputs have the precision of its parameters.

        Args:
            t: times, shape (B, 1, ..., 1) with as many axes as x0, or (); dtype and device of x0.
            x0: shape (B, *event).
            x1: shape (B, *event).

        Returns:
            shape (B, *event), dtype and device of x0.
        """

    def velocity(self, t: Tensor, x0: Tensor, x1: Tensor) -> Tensor:
        """``dI/dt`` at fixed (x0, x1), shape (B, *event); by forward-mode differentiation of :meth:`value`.

        Arguments are those of :meth:`value`; it is called by :meth:`velocity_at`.
        """
        with forward_mode():
            t, x0, x1 = (v.clone() if v.is_inference() else v for v in (t, x0, x1))
            tangent: Tensor = torch.func.jvp(lambda s: self.value(s, x0, x1), (t,), (torch.ones_like(t),))[1]
        return tangent

    @final
    def at(self, t: Tensor | float, x0: Tensor, x1: Tensor) -> Tensor:
        """``I(t, x0, x1)`` at times of shape (B,) or () or a number, in any precision.

        Args:
            t: times.
            x0: shape (B, *event).
            x1: shape (B, *event).

        Returns:
            shape (B, *event), dtype and device of x0.
        """
        return self._asked(self.value, t, x0, x1)

    @final
    def velocity_at(self, t: Tensor | float, x0: Tensor, x1: Tensor) -> Tensor:
        """``dI/dt`` at fixed (x0, x1); arguments and result as in :meth:`at`."""
        return self._asked(self.velocity, t, x0, x1)

    def _asked(
        self, method: Callable[[Tensor, Tensor, Tensor], Tensor], t: Tensor | float, x0: Tensor, x1: Tensor
    ) -> Tensor:
        like = parameters_like(self)
        if like is None or (like.dtype, like.device) == (x0.dtype, x0.device):
            return self._answer(method, match(t, x0), x0, x1)
        # A path has one precision, that of its parameters, whatever its states are kept in.
        start = x0.to(like)
        return self._answer(method, match(t, start), start, x1.to(like)).to(x0)

    def _answer(self, method: Callable[[Tensor, Tensor, Tensor], Tensor], t: Tensor, x0: Tensor, x1: Tensor) -> Tensor:
        answer = method(t, x0, x1)
        if not isinstance(answer, Tensor) or answer.shape != x0.shape:
            due = f"{tuple(x0.shape)}, the shape of x0"
            raise misbehaved(
                self, method.__name__, "a path has the shape of its ends", got=form_of(answer), allowed=due
            )
        return answer


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
        """The weight of x0, shape of t; times of shape (N,) or (), float64 where schedules are computed."""

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
        times = t.reshape(-1) if t.ndim else t
        return match(entrywise(self.alpha, times), x0) * x0 + match(entrywise(self.beta, times), x1) * x1

    def velocity(self, t: Tensor, x0: Tensor, x1: Tensor) -> Tensor:
        times = t.reshape(-1) if t.ndim else t
        return match(self.alpha_dot(times), x0) * x0 + match(self.beta_dot(times), x1) * x1

    def in_clock(self, clock: Clock, u: Tensor) -> LinearCoefficients:
        """The coefficients at clock positions u in [0, 1], shape (N,), with derivatives per unit of clock.

        The chain rule, with the limit from inside where it reads 0 times infinity at an end. Override it where a
        closed form in a clock is at hand.
        """

        def coefficients(v: Tensor) -> Tensor:
            t, rate = clock.time(v), clock.rate(v)
            alpha, beta = entrywise(self.alpha, t), entrywise(self.beta, t)
            return torch.stack(
                [alpha, beta, entrywise(self.alpha_dot, t) * rate, entrywise(self.beta_dot, t) * rate], -1
            )

        return LinearCoefficients(*end_limits(coefficients, u).unbind(-1))


def derivative_clock(derivatives: list[Tensor]) -> Clock:
    """The clock that tames functions whose derivatives at t = 0 and 1 are given, each of shape (2,).

    An infinite derivative at an end (the square-root case) asks for order 2 there.
    """
    steep = [any(not bool(torch.isfinite(derivative[end])) for derivative in derivatives) for end in (0, 1)]
    return SineClock(*steep) if any(steep) else UniformClock()
