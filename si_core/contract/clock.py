"""Clocks: the time variable in which a process is smooth.

A process may be rough in its time t: ``gamma = sqrt(a t (1-t))`` has infinite derivative at both ends. A clock is a
smooth increasing map ``t = time(u)`` of [0, 1] onto itself that slows down where the process is rough, so that
everything is smooth in u. ``rate = dt/du`` converts: a velocity per unit of clock is ``rate`` times the velocity per
unit of time.

The *order* of a clock at an end says how it starts there: ``t ~ u^p`` and ``1-t ~ (1-u)^q`` for orders (p, q).
A process with derivative like ``t^(-1/2)`` at an end needs order 2 there.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from typing import Any

import torch
from torch import Tensor

from si_core.contract.model import AnyModel
from si_core.errors import UsageError

__all__ = ["Clock", "SineClock", "UniformClock", "join_clocks"]

_COMPARED = (0.0713, 0.2537, 0.4391, 0.5869, 0.7423, 0.9178)
"""Positions at which clocks are compared."""


class Clock(ABC):
    """An increasing map ``t = time(u)`` of [0, 1] onto itself, smooth and exact at both ends.

    Clocks are compared by value: two are equal when type and :attr:`orders` are, and the times at some positions.
    """

    orders: tuple[int, int] = (1, 1)
    """How t leaves 0 and reaches 1: ``t ~ u^p``, ``1-t ~ (1-u)^q``."""

    @abstractmethod
    def time(self, u: Tensor) -> Tensor:
        """The time t at clock position u, same shape."""

    @abstractmethod
    def rate(self, u: Tensor) -> Tensor:
        """``dt/du`` at clock position u, same shape."""

    @abstractmethod
    def position(self, t: Tensor) -> Tensor:
        """The clock position u at time t, same shape: the inverse of :meth:`time`."""

    def fitted(self, model: AnyModel, seed: int) -> dict[str, Any] | None:
        """The constructor's options of this clock as measured on a trained model, plain JSON that is stored with it.

        None where the clock does not depend on the model, or has been measured.

        Args:
            model: the model, which samples in this clock.
            seed: of what is drawn to measure.
        """
        return None

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        if type(self) is not type(other) or not isinstance(other, Clock) or self.orders != other.orders:
            return False
        u = torch.tensor(_COMPARED, dtype=torch.float64)
        return torch.equal(self.time(u), other.time(u))

    def __hash__(self) -> int:
        return hash((type(self), self.orders))

    def __repr__(self) -> str:
        return f"{type(self).__name__}(orders={self.orders})"


class UniformClock(Clock):
    """The identity, ``t = u``: for processes that are smooth in time."""

    def __str__(self) -> str:
        return "uniform clock"

    def time(self, u: Tensor) -> Tensor:
        return u

    def rate(self, u: Tensor) -> Tensor:
        return torch.ones_like(u)

    def position(self, t: Tensor) -> Tensor:
        return t


class SineClock(Clock):
    """The sine clocks, of order 2 at one end or at both.

    ========== ============================ ============================
    orders     t                            dt/du
    ========== ============================ ============================
    (2, 2)     ``sin^2(pi u/2)``            ``(pi/2) sin(pi u)``
    (1, 2)     ``sin(pi u/2)``              ``(pi/2) cos(pi u/2)``
    (2, 1)     ``1 - cos(pi u/2)``          ``(pi/2) sin(pi u/2)``
    ========== ============================ ============================

    Args:
        start: whether to slow down at t = 0.
        stop: whether to slow down at t = 1.

    Raises:
        UsageError: it slows down at neither end.
    """

    def __init__(self, start: bool = True, stop: bool = True) -> None:
        if not (start or stop):
            raise UsageError(
                "a sine clock slows down at an end", got="start=False, stop=False", fix="use UniformClock() for neither"
            )
        self.orders = (2 if start else 1, 2 if stop else 1)

    def __str__(self) -> str:
        ends = {(2, 2): "both ends", (2, 1): "t = 0", (1, 2): "t = 1"}
        return f"sine clock, slow at {ends[self.orders]}"

    def time(self, u: Tensor) -> Tensor:
        if self.orders == (2, 2):
            return torch.sin(u * (math.pi / 2)).square()
        if self.orders == (1, 2):
            return torch.sin(u * (math.pi / 2))
        # 1 - cos(x) = 2 sin^2(x/2) keeps its digits near 0; written from the far end, it is exactly 1 at u = 1.
        early = 2 * torch.sin(u * (math.pi / 4)).square()
        return torch.where(u < 0.5, early, 1 - torch.sin((1 - u) * (math.pi / 2)))

    def rate(self, u: Tensor) -> Tensor:
        # Written from the near end, so that the zero at u = 1 is exact.
        if self.orders == (2, 2):
            return (math.pi / 2) * torch.sin(math.pi * torch.minimum(u, 1 - u))
        if self.orders == (1, 2):
            return (math.pi / 2) * torch.sin((1 - u) * (math.pi / 2))
        return (math.pi / 2) * torch.sin(u * (math.pi / 2))

    def position(self, t: Tensor) -> Tensor:
        if self.orders == (2, 2):
            return (2 / math.pi) * torch.atan2(t.sqrt(), (1 - t).sqrt())
        if self.orders == (1, 2):
            return (2 / math.pi) * torch.atan2(t, ((1 - t) * (1 + t)).sqrt())
        return (2 / math.pi) * torch.atan2((t * (2 - t)).sqrt(), 1 - t)


def join_clocks(clocks: list[Clock]) -> Clock:
    """The gentlest clock that is of at least the order of each given one at both ends.

    One of the given clocks is taken where it satisfies the others; otherwise the sine clock of the orders asked for.
    """
    start = max((clock.orders[0] for clock in clocks), default=1)
    stop = max((clock.orders[1] for clock in clocks), default=1)
    for clock in clocks:
        if clock.orders == (start, stop):
            return clock
    if (start, stop) == (1, 1):
        return UniformClock()
    return SineClock(start > 1, stop > 1)
