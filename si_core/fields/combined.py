"""Combined fields: the fields of a model under several conditions, mixed with weights that add up to one.

    ``f(t, x) = sum_k w_k f(t, x; c_k)``,    ``sum_k w_k = 1``

Every field of a process is linear in those that are learned, in x and in a given x0. With weights that add up to one
the combined fields are so with the same weights: which of them are combined makes no difference.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

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

__all__ = ["CombinedFields"]


class CombinedFields(TransformedFields):
    """Fields under several conditions, combined; networks are called once, for as many copies of the states.

    Args:
        fields: the fields to combine.
        weights: of each, K numbers that add up to 1; those of weight 0 are not computed.
        conditions: what each of the K is given, from what all are given. A condition that one of them leaves out has to
            be one that may be left out (:attr:`si_core.Fields.optional`).
        weighted: whether states have the weights with which their law is ``prod_k rho(x | c_k)^{w_k}``
            (:mod:`si_core.fields.mixture_rate`); forward from a source that is independent of the conditions.
        resample_below: as :attr:`si_core.Fields.resample_below`.

    Raises:
        UsageError: weights that are not finite, or do not add up to 1; weighted states of fields without a law, or
            whose score is out of reach, or whose laws differ at the start.
    """

    def __init__(
        self,
        fields: Fields,
        weights: Sequence[float],
        conditions: Callable[[Condition], Sequence[Condition]],
        weighted: bool = False,
        resample_below: float = 0.5,
    ) -> None:
        if not all(map(math.isfinite, weights)) or not math.isclose(sum(weights), 1.0, abs_tol=1e-9):
            raise UsageError("weights of fields", got=str(list(weights)), allowed="finite numbers that add up to 1")
        self._kept = [k for k, weight in enumerate(weights) if weight]
        self._weights, self._conditions = [weights[k] for k in self._kept], conditions
        self._asks_weights = weighted
        super().__init__(fields)
        if weighted:
            refuse_unweightable(fields, "combined fields")
            of_one_start(fields)
            self.resample_below = max(resample_below, fields.resample_below)

    @property
    def has_law(self) -> bool:  # type: ignore[override]
        """Of one of the laws itself, or with weights."""
        return self.fields.has_law and (len(self._kept) == 1 or self._asks_weights)

    @property
    def weighted(self) -> bool:  # type: ignore[override]
        """Where several are mixed and weights are asked for, or where the only one is weighted."""
        return self.fields.weighted if len(self._kept) == 1 else self._asks_weights

    def log_weight_rate(self, s: Schedule, x: Tensor) -> Tensor | None:
        if not self.weighted:
            return None
        s = self._for_copies(s, x)
        stacked, states, count = self.stacked(x), self.copies(x), len(self._kept)
        rates = stacked.log_weight_rate(s, states)
        own: Sequence[Tensor | None] = [None] * count if rates is None else rates.chunk(count)
        if count == 1:
            return own[0]
        velocity, score = stacked.several(("velocity", "score"), s, states)
        return mixture_rate(self._weights, velocity.chunk(count), score.chunk(count), own)

    def initial_log_weight(self, s: Schedule, x: Tensor) -> Tensor | None:
        if not self.weighted:
            return None
        s = self._for_copies(s, x)
        start = self.stacked(x).initial_log_weight(s, self.copies(x))
        if len(self._kept) == 1:
            return start
        of_one_start(self.fields, s)
        if start is None:
            return None
        parts = zip(self._weights, start.chunk(len(self._kept)), strict=True)
        return torch.stack([weight * part for weight, part in parts]).sum(0)

    def _follow(self, fields: Fields) -> None:
        super()._follow(fields)
        self._stacked: dict[tuple[int, torch.dtype, torch.device], Fields] = {}

    def stacked(self, x: Tensor) -> Fields:
        """The fields of K copies of states like x one after the other, each given its own."""
        key = (len(x), x.dtype, x.device)
        if key not in self._stacked:
            # Out of inference mode, for they may be needed where fields are differentiated.
            with torch.inference_mode(False), torch.no_grad():
                parts = [self._conditions(self.condition or {})[k] for k in self._kept]
                # What all of them leave out is left out too, where the fields have been given it.
                names = dict.fromkeys(name for part in (self.condition or {}, *parts) for name in part)
                given = {name: self._joined(name, parts, x) for name in names}
                self._stacked[key] = self.fields.conditioned(given) if given else self.fields
        return self._stacked[key]

    def _joined(self, name: str, parts: Sequence[Condition], x: Tensor) -> Tensor:
        """The values of a condition for all copies, shape (K B, *shape)."""
        spec = self.process.conditions[name] if self.process is not None else None
        values = [part[name] if name in part or spec is None else spec.absent(x) for part in parts]
        return torch.cat([each.expand(len(x), *each.shape[1:]) for each in values])

    def copies(self, x: Tensor, dim: int = 0) -> Tensor:
        """States once for each of the fields, shape (K B, *event)."""
        return x if len(self._weights) == 1 else torch.cat([x] * len(self._weights), dim)

    def combined(self, values: Tensor) -> Tensor:
        """The sum of (K B, ...) over the K, each with its weight: shape (B, ...)."""
        first, *others = values.chunk(len(self._weights)) if len(values) else [values]
        total = first if self._weights[0] == 1.0 else first * self._weights[0]
        for other, weight in zip(others, self._weights[1:], strict=False):
            total = torch.add(total, other, alpha=weight)
        return total

    def _for_copies(self, s: Schedule, x: Tensor) -> Schedule:
        return self.schedule(s.clock, self.copies(s.u)) if len(s.u) > 1 else s

    def field(self, name: str, s: Schedule, x: Tensor) -> Tensor:
        return self.combined(self.stacked(x).field(name, self._for_copies(s, x), self.copies(x)))

    def several(self, names: Sequence[str], s: Schedule, x: Tensor) -> tuple[Tensor, ...]:
        found = self.stacked(x).several(names, self._for_copies(s, x), self.copies(x))
        return tuple(self.combined(each) for each in found)

    def flow(
        self,
        clock: Clock,
        level: NoiseLevel | None,
        sign: float = 1.0,
        span: tuple[float, float] = WHOLE,
        freeze: bool = False,
    ) -> Flow[object]:
        return _CombinedFlow(self, self.fields.flow(clock, level, sign, span, freeze))


class _CombinedFlow(Flow[object]):
    """Steps are those of the flow of one of the fields."""

    fields: CombinedFields

    def __init__(self, fields: CombinedFields, inner: Flow[object]) -> None:
        super().__init__(inner.clock, inner.schedule, inner.level, inner.sign, fields)
        self._inner, self.unbounded = inner, inner.unbounded

    def steps(self, u: Tensor, x: Tensor) -> list[object]:
        return self._inner.steps(u, x)

    def at(self, step: object, x: Tensor) -> DriftParts:
        fields = self.fields
        parts = self._inner.of(fields.stacked(x)).at(step, fields.copies(x))
        # The factor of x is the same in all, and the weights add up to one.
        return DriftParts(fields.combined(parts.output), x, parts.weight, parts.rate)

    def with_divergence(self, step: object, x: Tensor, probes: Tensor | None) -> tuple[Tensor, Tensor] | None:
        fields = self.fields
        many = None if probes is None else fields.copies(probes, 1)
        found = self._inner.of(fields.stacked(x)).with_divergence(step, fields.copies(x), many)
        return None if found is None else (fields.combined(found[0]), fields.combined(found[1]))
