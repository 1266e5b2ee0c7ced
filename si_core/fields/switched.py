"""Switched fields: other fields of a process during an interval of time, such as guidance that acts only then."""

from __future__ import annotations

from typing import Self

import torch
from torch import Tensor

from si_core.contract.clock import Clock
from si_core.contract.condition import Condition
from si_core.contract.drift_parts import DriftParts
from si_core.contract.schedule import Schedule
from si_core.errors import UsageError
from si_core.fields.base import Fields
from si_core.fields.flow import Flow
from si_core.fields.noise_level import NoiseLevel
from si_core.fields.transformed import TransformedFields
from si_core.process.completion import WHOLE

__all__ = ["SwitchedFields"]


class SwitchedFields(TransformedFields):
    """``within`` from one time to another, ``fields`` before and after; they have no law of their own.

    Args:
        fields: outside of the interval.
        within: inside of it; fields of the same process.
        interval: ``(from, to)`` in [0, 1], both times within.

    Raises:
        UsageError: no interval.
    """

    def __init__(self, fields: Fields, within: Fields, interval: tuple[float, float]) -> None:
        first, last = interval
        if not 0 <= first < last <= 1:
            raise UsageError("an interval of time", got=str(list(interval)), allowed="0 <= from < to <= 1")
        super().__init__(fields)
        self.within, self.interval = within, (first, last)

    def conditioned(self, condition: Condition | None) -> Self:
        switched = super().conditioned(condition)
        switched.within = self.within.conditioned(condition)
        return switched

    def inside(self, t: Tensor) -> Tensor:
        """Whether times are in the interval, same shape."""
        return (t >= self.interval[0]) & (t <= self.interval[1])

    def field(self, name: str, s: Schedule, x: Tensor) -> Tensor:
        inside = self.inside(s.t)
        if len(inside) == 1:
            return (self.within if bool(inside) else self.fields).field(name, s, x)
        outer, inner = (fields.field(name, s, x) for fields in (self.fields, self.within))
        return torch.where(inside.to(x.device).reshape(-1, *(1 for _ in x.shape[1:])), inner, outer)

    def flow(
        self,
        clock: Clock,
        level: NoiseLevel | None,
        sign: float = 1.0,
        span: tuple[float, float] = WHOLE,
        freeze: bool = False,
    ) -> Flow[object]:
        parts = (fields.flow(clock, level, sign, span, freeze) for fields in (self.fields, self.within))
        return _SwitchedFlow(self, *parts)  # type: ignore[return-value]


class _SwitchedFlow(Flow[tuple[bool, object]]):
    """Steps are those of one of the two flows."""

    fields: SwitchedFields

    def __init__(self, fields: SwitchedFields, outer: Flow[object], inner: Flow[object]) -> None:
        super().__init__(outer.clock, outer.schedule, outer.level, outer.sign, fields)
        self._outer, self._within = outer, inner
        self.unbounded = outer.unbounded

    def of(self, fields: Fields) -> Self:
        flow = super().of(fields)
        if isinstance(fields, SwitchedFields):
            flow._outer, flow._within = self._outer.of(fields.fields), self._within.of(fields.within)
        return flow

    def steps(self, u: Tensor, x: Tensor) -> list[tuple[bool, object]]:
        inside = self.fields.inside(self.clock.time(u)).tolist()
        pairs = zip(inside, self._outer.steps(u, x), self._within.steps(u, x), strict=True)
        return [(within, inner if within else outer) for within, outer, inner in pairs]

    def at(self, step: tuple[bool, object], x: Tensor) -> DriftParts:
        within, own = step
        return (self._within if within else self._outer).at(own, x)
