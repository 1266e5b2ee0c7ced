"""Fields: functions of (t, x) that carry the law of a process.

    velocity  ``b = E[dx_t/dt | x_t = x]``           denoiser  ``E[z | x_t = x]``
    score     ``s = grad log rho(t, x)``             forward drift ``b + epsilon s``, backward drift ``b - epsilon s``

(arXiv 2303.08797, section 2). Where they come from differs: closed forms, networks, a user's own functions.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

import torch
from torch import Tensor

from si_core.contract.clock import Clock, UniformClock
from si_core.contract.combine import spread
from si_core.contract.condition import Condition
from si_core.contract.drift_parts import DriftParts
from si_core.contract.given_condition import taken
from si_core.contract.schedule import Schedule, bare_schedule
from si_core.errors import UsageError
from si_core.fields.flow import Flow
from si_core.fields.given_times import given_times
from si_core.fields.noise_level import Epsilon, NoiseLevel, noise_level
from si_core.process.completion import WHOLE
from si_core.process.process import StochasticInterpolant

__all__ = ["DirectFields", "Fields"]


class Fields(ABC):
    """The fields of a process.

    All take times t in [0, 1], shape (B,) or (), and states x, shape (B, *event), and give the shape, dtype and device
    of x. A field that can't be had from what is known raises :class:`~si_core.errors.UsageError`.
    """

    process: StochasticInterpolant | None = None

    @property
    def clock(self) -> Clock:
        """The clock in which these fields are smooth: the process's."""
        return self.process.clock if self.process is not None else UniformClock()

    def schedule(self, clock: Clock, u: Tensor) -> Schedule:
        """The process's scalars at clock positions, or the clock alone where there is no process."""
        return bare_schedule(clock, u) if self.process is None else self.process.schedule(clock, u)

    @abstractmethod
    def field(self, name: str, s: Schedule, x: Tensor) -> Tensor:
        """A field at the times of a schedule (of length 1 or B); velocities are per unit of the schedule's clock."""

    def several(self, names: Sequence[str], s: Schedule, x: Tensor) -> tuple[Tensor, ...]:
        """Several fields at once; fields of networks call these once for all of them."""
        return tuple(self.field(name, s, x) for name in names)

    @abstractmethod
    def flow(
        self,
        clock: Clock,
        level: NoiseLevel | None,
        sign: float = 1.0,
        span: tuple[float, float] = WHOLE,
        freeze: bool = False,
    ) -> Flow[object]:
        """The drift ``(dt/du) (b + sign epsilon s)`` with its noise, in a clock.

        Args:
            clock: the clock.
            level: the noise level; None for an ODE.
            sign: +1 forward, -1 backward.
            span: the clock positions at which it is needed, early to late.
            freeze: whether weights of known fields that have no bound at an end are frozen beside it, in place of a
                refusal.

        Raises:
            UsageError: the drift is out of reach of what is known, or unbounded; says what would help.
        """

    has_law: bool = True
    """Whether velocity and score, with the weights where there are some, belong to one law at each time, whatever the
    noise level. Fields of a process do; fields that guidance has changed do where it has weights."""

    weighted: bool = False
    """Whether the law is that of weighted states: :meth:`log_weight_rate` is then not None."""

    resample_below: float = 0.0
    """Where states are weighted: the effective sample size, as a fraction of the states of one condition, below which
    they are resampled on their way; 0 for never."""

    def log_weight_rate(self, s: Schedule, x: Tensor) -> Tensor | None:
        """``R(t, x) = d log w/du``: how the weight of a state changes per unit of the schedule's clock; None for none.

        With it the law rho of these fields, whose score is the field ``"score"``, satisfies
        ``d rho/du + div(b rho) = (R - E_rho[R]) rho``. So states that move by ``b``, or by ``b +- epsilon s`` with
        noise of any size, are draws of rho once they are weighted by ``exp(int R du)``: epsilon is not in it. An
        additive constant of R is that of ``log Z``: the mean of the weights is the normaliser that its author means.

        Args:
            s: a schedule of length 1 or B, inside (0, 1).
            x: states, shape (B, *event).

        Returns:
            Shape (B,), or None where states have the law without weights.
        """
        return None

    def initial_log_weight(self, s: Schedule, x: Tensor) -> Tensor | None:
        """The log-weights of states at the time of a schedule that were drawn from the process; (B,), None for 0.

        Raises:
            UsageError: they can't be known there.
        """
        return None

    def tilt(self, t: Tensor, x: Tensor) -> Tensor | None:
        """r, where the law of these fields is that of the process times ``e^r`` up to a constant factor.

        The mean of the weights is then ``E[e^r]`` over the law of the process. None where it is not known.

        Args:
            t: times, () or (B,).
            x: states, shape (B, *event).

        Returns:
            Shape (B,), or None.
        """
        return None

    condition: Condition | None = None
    """What these fields are given: values (B, *shape), or (1, *shape), by name."""

    optional: frozenset[str] = frozenset()
    """The conditions that may be left out: training left them out now and then (``train.condition_dropout``)."""

    def conditioned(self, condition: Condition | None) -> Fields:
        """These fields given a condition, in place of any that they were given before.

        Raises:
            UsageError: a condition that the fields do not take.
        """
        if condition:
            raise UsageError("these fields take no condition", got=", ".join(condition))
        return self

    def of_rows(self, rows: slice | Tensor) -> Fields:
        """These fields for some of the states, a slice or by index, with the conditions of these."""
        conditions = taken(self.condition, rows)
        return self.conditioned(conditions) if conditions else self

    @property
    def conditioned_alike(self) -> bool:
        """Whether all states are given the same, so that any number of them may be looked at."""
        return all(len(values) == 1 for values in (self.condition or {}).values())

    def check_conditions(self, rows: int | None = None) -> None:
        """Refuse to go on with fields that lack a condition, or have one for another number of states.

        Args:
            rows: the number of states; None where that is not known yet.

        Raises:
            UsageError: says which condition, and how to give it.
        """
        return

    def _at(self, name: str, t: Tensor | float, x: Tensor) -> Tensor:
        self.check_conditions(len(x))
        return self.field(name, self.schedule(UniformClock(), given_times(t, x)), x)

    def velocity(self, t: Tensor | float, x: Tensor) -> Tensor:
        """``b(t, x) = E[dI/dt + gamma_dot z | x_t = x]``."""
        return self._at("velocity", t, x)

    def interpolant_velocity(self, t: Tensor | float, x: Tensor) -> Tensor:
        """``v(t, x) = E[dI/dt | x_t = x]``."""
        return self._at("interpolant-velocity", t, x)

    def score(self, t: Tensor | float, x: Tensor) -> Tensor:
        """``s(t, x) = grad log rho(t, x)``."""
        return self._at("score", t, x)

    def denoiser(self, t: Tensor | float, x: Tensor) -> Tensor:
        """``E[z | x_t = x]``."""
        return self._at("denoiser", t, x)

    def source_denoiser(self, t: Tensor | float, x: Tensor) -> Tensor:
        """``E[x0 | x_t = x]``."""
        return self._at("source-denoiser", t, x)

    def target_denoiser(self, t: Tensor | float, x: Tensor) -> Tensor:
        """``E[x1 | x_t = x]``."""
        return self._at("target-denoiser", t, x)

    def forward_drift(self, t: Tensor | float, x: Tensor, epsilon: Epsilon) -> Tensor:
        """``b + epsilon s``."""
        return self._drift(t, x, epsilon, 1.0)

    def backward_drift(self, t: Tensor | float, x: Tensor, epsilon: Epsilon) -> Tensor:
        """``b - epsilon s``."""
        return self._drift(t, x, epsilon, -1.0)

    def _drift(self, t: Tensor | float, x: Tensor, epsilon: Epsilon, sign: float) -> Tensor:
        level = noise_level(epsilon, self.process)
        times = given_times(t, x)
        velocity = self._at("velocity", times, x)
        if level is None:
            return velocity
        s = self.schedule(UniformClock(), times)
        return velocity + sign * spread(level(s), x) * self.field("score", s, x)


class _DirectFlow(Flow[tuple[Schedule, float]]):
    """Steps are a schedule and the weight of the score."""

    def __init__(self, fields: Fields, clock: Clock, level: NoiseLevel | None, sign: float) -> None:
        super().__init__(clock, lambda u: fields.schedule(clock, u), level, sign, fields)

    def steps(self, u: Tensor, x: Tensor) -> list[tuple[Schedule, float]]:
        weights = (0.5 * self.sign * self.noise_squared(u)).tolist()
        return list(zip(self.fields.schedule(self.clock, u.to(x.device)).split(len(u)), weights, strict=True))

    def at(self, step: tuple[Schedule, float], x: Tensor) -> DriftParts:
        schedule, weight = step
        drift = self.fields.field("velocity", schedule, x)
        if weight:
            drift = torch.add(drift, self.fields.field("score", schedule, x), alpha=weight)
        return DriftParts(drift, x)


class DirectFields(Fields):
    """Fields computed one by one, each by its own formula or function."""

    def flow(
        self,
        clock: Clock,
        level: NoiseLevel | None,
        sign: float = 1.0,
        span: tuple[float, float] = WHOLE,
        freeze: bool = False,
    ) -> Flow[object]:
        return _DirectFlow(self, clock, level, sign)  # type: ignore[return-value]
