"""Steered fields: something is added to fields of a process, without another call of networks.

``b' = b + added_b(t, x)``        ``s' = s + added_s(t, x)``
"""

from __future__ import annotations

from abc import abstractmethod
from typing import Self

import torch
from torch import Tensor

from si_core.contract.clock import Clock
from si_core.contract.combine import spread
from si_core.contract.drift_parts import DriftParts
from si_core.contract.schedule import Schedule
from si_core.fields.base import Fields
from si_core.fields.flow import Flow
from si_core.fields.noise_level import NoiseLevel
from si_core.fields.transformed import TransformedFields
from si_core.process.completion import WHOLE

__all__ = ["SteeredFields"]


class SteeredFields(TransformedFields):
    """Fields to which something is added; a subclass says what.

    Args:
        fields: the fields to steer.
    """

    @abstractmethod
    def added(self, name: str, s: Schedule, x: Tensor) -> Tensor | None:
        """What is added to a field; None for nothing.

        Args:
            name: of the field: an ODE asks for ``"velocity"``, an SDE for ``"score"`` too.
            s: times ``s.t``, of length 1 or B; ``s.rate`` is dt/du.
            x: states, shape (B, *event).

        Returns:
            Shape, dtype and device of x; beside a velocity per unit of time.
        """

    def field(self, name: str, s: Schedule, x: Tensor) -> Tensor:
        value, added = self.fields.field(name, s, x), self._added(name, s, x)
        return value if added is None else value + added

    def _added(self, name: str, s: Schedule, x: Tensor) -> Tensor | None:
        """What is added, per unit of the schedule's clock."""
        added = self.added(name, s, x)
        if added is None or name not in ("velocity", "interpolant-velocity"):
            return added
        return added * spread(s.rate, x)

    def _drift_added(self, s: Schedule, x: Tensor, weight: float) -> Tensor | None:
        """What is added to ``velocity + weight score``, per unit of the schedule's clock."""
        velocity = self._added("velocity", s, x)
        score = self._added("score", s, x) if weight else None
        if score is None:
            return velocity
        return weight * score if velocity is None else torch.add(velocity, score, alpha=weight)

    def steering_schedule(self, clock: Clock, u: Tensor) -> Schedule:
        """The scalars at which what is added is computed, at clock positions u."""
        return self.schedule(clock, u)

    def flow(
        self,
        clock: Clock,
        level: NoiseLevel | None,
        sign: float = 1.0,
        span: tuple[float, float] = WHOLE,
        freeze: bool = False,
    ) -> Flow[object]:
        return _SteeredFlow(self, self.fields.flow(clock, level, sign, span, freeze))  # type: ignore[return-value]


class _SteeredFlow(Flow[tuple[object, Schedule, float]]):
    """Steps are those of the flow that is steered, with the schedule and the weight of the score."""

    fields: SteeredFields

    def __init__(self, fields: SteeredFields, inner: Flow[object]) -> None:
        super().__init__(inner.clock, inner.schedule, inner.level, inner.sign, fields)
        self._inner, self.unbounded = inner, inner.unbounded

    def of(self, fields: Fields) -> Self:
        flow = super().of(fields)
        if isinstance(fields, TransformedFields):
            flow._inner = self._inner.of(fields.fields)
        return flow

    def steps(self, u: Tensor, x: Tensor) -> list[tuple[object, Schedule, float]]:
        weights = (0.5 * self.sign * self.noise_squared(u)).tolist()
        schedules = self.fields.steering_schedule(self.clock, u.to(x.device)).split(len(u))
        return list(zip(self._inner.steps(u, x), schedules, weights, strict=True))

    def at(self, step: tuple[object, Schedule, float], x: Tensor) -> DriftParts:
        inner, schedule, weight = step
        drift = self._inner.at(inner, x).value()
        added = self.fields._drift_added(schedule, x, weight)
        return DriftParts(drift if added is None else drift + added, x)
