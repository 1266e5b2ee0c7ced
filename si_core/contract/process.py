"""What a component may ask of the process: ``x_t = I(t, x0, x1) + gamma(t) z``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from torch import Tensor

from si_core.contract.clock import Clock
from si_core.contract.condition import ConditionSpec
from si_core.contract.schedule import Coefficients, Schedule

__all__ = ["Process"]


class Process(Protocol):
    """The process, as components see it; :class:`si_core.StochasticInterpolant` is one."""

    @property
    def interpolant(self) -> Any:
        """The path."""

    @property
    def latent(self) -> Any:
        """The noise on the way."""

    @property
    def coupling(self) -> Any:
        """How the ends are paired."""

    @property
    def source(self) -> Any:
        """The distribution at t = 0."""

    @property
    def target(self) -> Any:
        """The distribution at t = 1."""

    @property
    def structure(self) -> Any:
        """What is known of the process beside its scalars."""

    @property
    def shape(self) -> tuple[int, ...]:
        """The event shape."""

    @property
    def clock(self) -> Clock:
        """The clock in which the process is smooth."""

    @property
    def conditions(self) -> Mapping[str, ConditionSpec]:
        """What networks are given beside (t, x)."""

    def schedule(self, clock: Clock, u: Tensor) -> Schedule:
        """The scalars at clock positions u, shape (N,) or ()."""

    def coefficients(self, field: str, s: Schedule) -> Coefficients:
        """The coefficients of a field over (x0, x1, z) per unit of the schedule's clock."""

    def target_of(self, coefficients: Coefficients, draw: Any) -> Tensor:
        """Coefficients times a draw, shape (B, *event)."""

    def regression_target(self, field: str, draw: Any) -> Tensor:
        """The regression target of a field at a draw, in the draw's clock, shape (B, *event)."""
