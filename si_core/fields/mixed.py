"""Mixed fields: fields of several models of one process, with weights that add up to one.

    ``f(t, x) = sum_k w_k f_k(t, x)``,    ``sum_k w_k = 1``

such as those of a model and of a worse one, away from which samples are guided (arXiv 2406.02507).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
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
from si_core.fields.mixture_rate import mixture_rate
from si_core.fields.noise_level import NoiseLevel
from si_core.fields.transformed import TransformedFields
from si_core.fields.weighting import of_one_start, refuse_unweightable
from si_core.process.completion import WHOLE

__all__ = ["MixedFields"]


class MixedFields(TransformedFields):
    """Fields of several models, mixed; those of the first say what the process is and what may be left out.

    Args:
        fields: the first.
        others: the rest, of the same process learned otherwise.
        weights: of each, the first one first; they add up to 1.
        weighted: whether states have the weights with which their law is ``prod_k rho_k^{w_k}``.
        resample_below: as :attr:`si_core.Fields.resample_below`.

    Raises:
        UsageError: weights that are not finite, or do not add up to 1, or another number of them; weighted states of
            fields without a law, or whose score is out of reach.
    """

    def __init__(
        self,
        fields: Fields,
        others: Sequence[Fields],
        weights: Sequence[float],
        weighted: bool = False,
        resample_below: float = 0.5,
    ) -> None:
        if len(weights) != 1 + len(others) or not others:
            raise UsageError("a weight for each of the fields", got=f"{len(weights)}", allowed=f"{1 + len(others)}")
        if not all(map(math.isfinite, weights)) or not math.isclose(sum(weights), 1.0, abs_tol=1e-9):
            raise UsageError("weights of fields", got=str(list(weights)), allowed="finite numbers that add up to 1")
        super().__init__(fields)
        self.others, self.weights = tuple(others), tuple(weights)
        if weighted:
            for each in (fields, *others):
                refuse_unweightable(each, "mixed fields")
            of_one_start(fields)
            self.has_law, self.weighted = True, True
            self.resample_below = max(resample_below, *(each.resample_below for each in self._all))

    @property
    def _all(self) -> tuple[Fields, ...]:
        return (self.fields, *self.others)

    def conditioned(self, condition: Condition | None) -> Self:
        mixed = super().conditioned(condition)
        mixed.others = tuple(each.conditioned(condition) for each in self.others)
        return mixed

    def check_conditions(self, rows: int | None = None) -> None:
        for each in self._all:
            each.check_conditions(rows)

    def mixed(self, values: Sequence[Tensor]) -> Tensor:
        """Values of all fields, added up with their weights."""
        total = self.weights[0] * values[0]
        for weight, value in zip(self.weights[1:], values[1:], strict=True):
            total = torch.add(total, value.to(total), alpha=weight)
        return total

    def field(self, name: str, s: Schedule, x: Tensor) -> Tensor:
        return self.mixed([each.field(name, s, x) for each in self._all])

    def several(self, names: Sequence[str], s: Schedule, x: Tensor) -> tuple[Tensor, ...]:
        found = [each.several(names, s, x) for each in self._all]
        return tuple(self.mixed(values) for values in zip(*found, strict=True))

    def log_weight_rate(self, s: Schedule, x: Tensor) -> Tensor | None:
        if not self.weighted:
            return None
        found = [each.several(("velocity", "score"), s, x) for each in self._all]
        velocities, scores = zip(*found, strict=True)
        return mixture_rate(self.weights, velocities, scores, [each.log_weight_rate(s, x) for each in self._all])

    def initial_log_weight(self, s: Schedule, x: Tensor) -> Tensor | None:
        if not self.weighted:
            return None
        of_one_start(self.fields, s)
        parts = [each.initial_log_weight(s, x) for each in self._all]
        known = [weight * part for weight, part in zip(self.weights, parts, strict=True) if part is not None]
        return torch.stack(known).sum(0) if known else None

    def flow(
        self,
        clock: Clock,
        level: NoiseLevel | None,
        sign: float = 1.0,
        span: tuple[float, float] = WHOLE,
        freeze: bool = False,
    ) -> Flow[object]:
        return _MixedFlow(self, [each.flow(clock, level, sign, span, freeze) for each in self._all])  # type: ignore[return-value]


class _MixedFlow(Flow[list[object]]):
    """Steps are those of the flows of all fields."""

    fields: MixedFields

    def __init__(self, fields: MixedFields, inner: Sequence[Flow[object]]) -> None:
        first = inner[0]
        super().__init__(first.clock, first.schedule, first.level, first.sign, fields)
        self._inner = list(inner)
        self.unbounded = tuple(any(ends) for ends in zip(*(each.unbounded for each in inner), strict=True))

    def of(self, fields: Fields) -> Self:
        flow = super().of(fields)
        if isinstance(fields, MixedFields):
            parts = zip(self._inner, (fields.fields, *fields.others), strict=True)
            flow._inner = [each.of(own) for each, own in parts]
        return flow

    def steps(self, u: Tensor, x: Tensor) -> list[list[object]]:
        return [list(steps) for steps in zip(*(each.steps(u, x) for each in self._inner), strict=True)]

    def at(self, step: list[object], x: Tensor) -> DriftParts:
        drifts = [each.at(own, x).value() for each, own in zip(self._inner, step, strict=True)]
        return DriftParts(self.fields.mixed(drifts), x)
