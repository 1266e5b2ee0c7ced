"""What a component may ask of the process: ``x_t = I(t, x0, x1) + gamma(t) z``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from torch import Tensor

from si_core.contract.clock import Clock
from si_core.contract.condition import ConditionSpec
from si_core.contract.schedule import Coefficients, Scalar, Schedule

__all__ = ["Process", "Structure"]


class Structure(Protocol):
    """What is known of a process beside its scalars: facts, and the coefficients that follow."""

    @property
    def spatially_linear(self) -> bool:
        """Whether coefficients are over (x0, x1, z)."""

    @property
    def latent(self) -> bool:
        """Whether gamma is not 0."""

    @property
    def one_sided(self) -> bool:
        """Whether the source is N(0, I), independent of the target."""

    @property
    def mirror(self) -> bool:
        """Whether x0 = x1."""

    def coefficients(self, field: str, s: Schedule) -> Coefficients:
        """The coefficients of a field per unit of the schedule's clock."""

    def score_drift_coefficients(self, s: Schedule) -> Coefficients:
        """``(dt/du)`` times those of the score, finite where their product is."""

    def noise_coefficients(self, s: Schedule) -> Coefficients:
        """Of the Gaussian noise in x_t."""

    def noise_variance(self, s: Schedule) -> Scalar:
        """Of that noise."""


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
    def structure(self) -> Structure:
        """What is known of the process beside its scalars."""

    @property
    def meets_ends(self) -> bool:
        """Whether the law of x_t is the source's at t = 0 and the target's at t = 1."""

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
