"""Classifier-free guidance: away from the fields of the mixture, towards those that are given the condition.

    ``f_w(t, x, c) = f(t, x, none) + w (f(t, x, c) - f(t, x, none))``

for every field f: velocity, score, denoisers (Ho and Salimans, *Classifier-free diffusion guidance*,
arXiv:2207.12598; for velocities arXiv:2311.13443). There the weight is written ``1 + w``: their w is this one less 1.

Samples of these fields do not have the law ``rho(x|none)^(1-w) rho(x|c)^w`` that is meant. With the weights

    ``d log w = w (w - 1) (b_c - b_none) . (s_c - s_none) dt``

they do, for the ODE and for every SDE (:mod:`si_core.fields.mixture_rate`), from a source independent of the condition.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from pydantic import Field

from si_core import CombinedFields, Fields, Guidance, SwitchedFields, UsageError
from si_guidance.options import Fraction, checked_fraction

__all__ = ["ClassifierFree"]

_WHERE = "classifier-free"


class ClassifierFree(Guidance):
    """``f(x, none) + weight (f(x, c) - f(x, none))`` for each field f, by one model that knows both.

    Weight 1 is the conditional law as it was learned, 0 the mixture over the condition; above 1 samples are more
    typical of the condition and less various, below 0 they avoid it. Only for 0 and 1 are these fields those of a
    process: else the ODE and each noise level sample laws of their own, none of them ``p(x|none)^(1-w) p(x|c)^w``,
    unless they are weighted. Networks are called for twice as many states, for weights 0 and 1 for as many.

    Args:
        weight: w, that of the fields given the condition; those of the mixture have ``1 - w``.
        conditions: the names of those that are left out in ``f(x, none)``; others are given to both. None for all that
            training has left out now and then.
        interval: times from which and to which it guides (arXiv:2404.07724); before and after samples follow the
            fields given the condition.
        weights: whether samples are weighted to have exactly the law ``p(x|none)^(1-w) p(x|c)^w / Z``; their mean
            weight is Z. Not with an interval: at its ends the law would change by the unknown densities themselves.
        resample_below: with weights: the effective sample size, as a fraction of the samples of one condition, below
            which they are resampled on their way; 0 for never.

    Raises:
        UsageError: a weight that is not finite, no names, no interval, or weights with an interval; when it guides: a
            model without conditions, or one that was never trained without these; with weights, a score out of reach or
            a source that depends on the condition.
    """

    def __init__(
        self,
        weight: Annotated[float, Field(ge=-1e3, le=1e3)] = 2.0,
        conditions: Annotated[list[str], Field(min_length=1, max_length=100)] | None = None,
        interval: tuple[Fraction, Fraction] = (0.0, 1.0),
        weights: bool = False,
        resample_below: Fraction = 0.5,
    ) -> None:
        if not math.isfinite(weight):
            raise UsageError("the weight of guidance", where=_WHERE, got=repr(weight), allowed="a finite number")
        if conditions is not None and not conditions:
            raise UsageError("no conditions to guide by", where=_WHERE, fix="leave `conditions` out for all")
        first, last = interval
        if not 0 <= first < last <= 1:
            raise UsageError("an interval", where=_WHERE, got=str(list(interval)), allowed="0 <= from < to <= 1")
        if weights and (first, last) != (0.0, 1.0):
            raise UsageError(
                "weights with an interval: at its ends the law changes by a density that is not known",
                where=_WHERE,
                got=f"interval: [{first:g}, {last:g}]",
                fix="leave `interval` or `weights` out",
            )
        self.weight, self.conditions, self.interval, self.weights = weight, conditions, (first, last), weights
        self.resample_below = checked_fraction(resample_below, "resample_below", _WHERE)

    def guided(self, fields: Fields) -> Fields:
        """The combined fields; one call of the networks gives both parts."""
        names = self._names(fields)

        def conditions(condition: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
            return condition, {name: values for name, values in condition.items() if name not in names}

        weights = self.weight, 1.0 - self.weight
        combined = CombinedFields(fields, weights, conditions, self.weights, self.resample_below)
        if self.interval == (0.0, 1.0) or self.weight == 1.0:
            return combined
        return SwitchedFields(fields, combined, self.interval)

    def _names(self, fields: Fields) -> frozenset[str]:
        """The conditions that are left out.

        Raises:
            UsageError: they can't be.
        """
        known = {} if fields.process is None else fields.process.conditions
        if not known:
            raise UsageError(
                "there is no condition to guide by",
                where=_WHERE,
                got="a model without conditions",
                fix="a target with labels or observations, or leave the guidance out",
            )
        asked = frozenset(self.conditions or fields.optional)
        for name in sorted(asked - set(known)):
            raise UsageError(f"no condition {name!r} to guide by", where=_WHERE, allowed=", ".join(known))
        lacking = sorted(asked - fields.optional)
        if lacking or not asked:
            raise UsageError(
                "guidance needs the fields without the condition, which this model never learned",
                where=_WHERE,
                got=f"conditions {', '.join(lacking or known)}, never left out in training",
                allowed=", ".join(sorted(fields.optional)) or None,
                fix="train with `train.condition_dropout: 0.1`",
            )
        return asked
