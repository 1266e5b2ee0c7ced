"""Couplings with one mistake each, rejected by the check meant for it and in words that name it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor

import si_core as si
from si_authoring.testing.doubles import Independent, Normal

Pair = tuple[Tensor, Tensor]


class Sorted(si.Coupling):
    """The optimal transport of the first entries: x0 in the order of x1."""

    def pair(self, x0: Tensor, x1: Tensor, generator: torch.Generator | None = None) -> Pair:
        first0, first1 = (x.reshape(len(x), -1)[:, 0] for x in (x0, x1))
        paired = torch.empty_like(x0)
        paired[first1.argsort()] = x0[first0.argsort()]
        return paired, x1


class Resampled(si.Coupling):
    """Draws of x0 with replacement, as from a plan between the batches."""

    def pair(self, x0: Tensor, x1: Tensor, generator: torch.Generator | None = None) -> Pair:
        return x0[torch.randint(len(x0), (len(x0),), generator=generator)], x1


class Mirror(si.Coupling):
    source_is_target = True

    def pair(self, x0: Tensor, x1: Tensor, generator: torch.Generator | None = None) -> Pair:
        return x1, x1


class SortsBoth(si.Coupling):
    def pair(self, x0: Tensor, x1: Tensor, generator: torch.Generator | None = None) -> Pair:
        return tuple(x[x.reshape(len(x), -1)[:, 0].argsort()] for x in (x0, x1))  # type: ignore[return-value]


class Centres(si.Coupling):
    def pair(self, x0: Tensor, x1: Tensor, generator: torch.Generator | None = None) -> Pair:
        return x0, x1 - x1.mean(0)


class Nearest(si.Coupling):
    """The nearest x0 for each x1, however often that is the same."""

    def pair(self, x0: Tensor, x1: Tensor, generator: torch.Generator | None = None) -> Pair:
        distance = torch.cdist(x1.reshape(len(x1), -1), x0.reshape(len(x0), -1))
        return x0[distance.argmin(1)], x1


class OwnSource(si.Coupling):
    """Replaces x0 by noise around x1."""

    def pair(self, x0: Tensor, x1: Tensor, generator: torch.Generator | None = None) -> Pair:
        return x1 + torch.empty_like(x1).normal_(generator=generator), x1


class SaysIndependent(Sorted):
    independent = True


class SaysMirror(Independent):
    independent, source_is_target = False, True


class MirrorUnsaid(Mirror):
    source_is_target = False


class Both(Mirror):
    independent = True


class TraitInWords(Independent):
    anchored = "no"  # type: ignore[assignment]


class ShufflesGlobally(si.Coupling):
    def pair(self, x0: Tensor, x1: Tensor, generator: torch.Generator | None = None) -> Pair:
        return x0[torch.randperm(len(x0))], x1


class ShufflesInPlace(si.Coupling):
    def pair(self, x0: Tensor, x1: Tensor, generator: torch.Generator | None = None) -> Pair:
        x0[:] = x0[torch.randperm(len(x0), generator=generator)]
        return x0, x1


class LosesThePrecision(si.Coupling):
    def pair(self, x0: Tensor, x1: Tensor, generator: torch.Generator | None = None) -> Pair:
        return x0.float(), x1


class LosesARow(si.Coupling):
    def pair(self, x0: Tensor, x1: Tensor, generator: torch.Generator | None = None) -> Pair:
        return x0[1:], x1


class LosesConditions(Independent):
    def draw(
        self, source: si.Distribution, target: si.Distribution, n: int, generator: torch.Generator | None = None
    ) -> si.Pairs:
        return si.Pairs(source.sample(n, generator), target.sample(n, generator))


class ConditionsOfOthers(Independent):
    def draw(
        self, source: si.Distribution, target: si.Distribution, n: int, generator: torch.Generator | None = None
    ) -> si.Pairs:
        pairs = super().draw(source, target, n, generator)
        return si.Pairs(pairs.x0, pairs.x1.flip(0), pairs.condition)


class ValuesOfOthers(Independent):
    """Reorders x1 with its labels, and forgets what else is told."""

    def draw(
        self, source: si.Distribution, target: si.Distribution, n: int, generator: torch.Generator | None = None
    ) -> si.Pairs:
        pairs = super().draw(source, target, n, generator)
        told = {name: v if v.is_floating_point() else v.flip(0) for name, v in (pairs.condition or {}).items()}
        return si.Pairs(pairs.x0, pairs.x1.flip(0), told)


class ValuesRounded(Independent):
    """Passes what is told on in half the precision."""

    def draw(
        self, source: si.Distribution, target: si.Distribution, n: int, generator: torch.Generator | None = None
    ) -> si.Pairs:
        pairs = super().draw(source, target, n, generator)
        told = {name: v.half() if v.is_floating_point() else v for name, v in (pairs.condition or {}).items()}
        return si.Pairs(pairs.x0, pairs.x1, told)


class ValuesFlat(Independent):
    """Of an observation the first number alone."""

    def draw(
        self, source: si.Distribution, target: si.Distribution, n: int, generator: torch.Generator | None = None
    ) -> si.Pairs:
        pairs = super().draw(source, target, n, generator)
        told = {name: v[:, 0] if v.ndim > 1 else v for name, v in (pairs.condition or {}).items()}
        return si.Pairs(pairs.x0, pairs.x1, told)


class DrawsNoTarget(Independent):
    """Draws x1 of the source's law."""

    def draw(
        self, source: si.Distribution, target: si.Distribution, n: int, generator: torch.Generator | None = None
    ) -> si.Pairs:
        told = target.draw(n, generator)[1]
        return si.Pairs(source.sample(n, generator), source.sample(n, generator), told)


class GivesATuple(Independent):
    def draw(self, *arguments: Any) -> Any:
        pairs = super().draw(*arguments)
        return pairs.x0, pairs.x1, pairs.condition


class Noted(Independent):
    """Tells how far apart the two are, which it declares."""

    conditions: Mapping[str, si.ConditionSpec] = {"distance": si.ConditionSpec(), "gap": si.ConditionSpec((2,))}

    def draw(
        self, source: si.Distribution, target: si.Distribution, n: int, generator: torch.Generator | None = None
    ) -> si.Pairs:
        pairs = super().draw(source, target, n, generator)
        gap = (pairs.x1 - pairs.x0).flatten(1)
        told = {"distance": gap.norm(dim=1), "gap": gap[:, :1].expand(-1, 2)}
        return si.Pairs(pairs.x0, pairs.x1, {**(pairs.condition or {}), **told})


class DeclaresNothing(Noted):
    """Tells what it does not declare: no network would be made for it."""

    conditions: Mapping[str, si.ConditionSpec] = {}


class DeclaresMore(Noted):
    conditions: Mapping[str, si.ConditionSpec] = {**Noted.conditions, "cost": si.ConditionSpec()}


class DeclaresAnotherShape(Noted):
    conditions: Mapping[str, si.ConditionSpec] = {**Noted.conditions, "gap": si.ConditionSpec((2, 2))}


class WeightsInColumns(Independent):
    def draw(
        self, source: si.Distribution, target: si.Distribution, n: int, generator: torch.Generator | None = None
    ) -> si.Pairs:
        pairs = super().draw(source, target, n, generator)
        return replace(pairs, weight=torch.ones(n, 1))


class Seen(si.Coupling):
    """x0 keeps the first entry of x1, which is a condition; the others are noise."""

    source_from_target = True
    conditions: Mapping[str, si.ConditionSpec] = {"seen": si.ConditionSpec()}

    def pair(self, x0: Tensor, x1: Tensor, generator: torch.Generator | None = None) -> Pair:
        if x1.ndim == 1:
            raise si.UsageError("of one entry nothing is left to be unseen")
        rows = torch.empty_like(x1).normal_(generator=generator).reshape(len(x1), -1)
        rows[:, 0] = x1.reshape(len(x1), -1)[:, 0]
        return rows.reshape(x1.shape), x1

    def draw(self, source: Any, target: si.Distribution, n: int, generator: torch.Generator | None = None) -> si.Pairs:
        return self.pairs_of(source, target, *target.draw(n, generator), generator)

    def pairs_of(self, source: Any, target: Any, x1: Any, condition: Any, generator: Any = None) -> si.Pairs:
        return si.Pairs(*self.pair(x1, x1, generator), {**(condition or {}), "seen": x1.reshape(len(x1), -1)[:, 0]})

    def start_from(self, target: Any, condition: Any, generator: torch.Generator) -> Any:
        x1 = torch.zeros(len(condition["seen"]), *target.shape, dtype=condition["seen"].dtype)
        x1.reshape(len(x1), -1)[:, 0] = condition["seen"]
        return self.pair(x1, x1, generator)[0], condition


class SeenAndIndependent(Seen):
    independent = True


class StartsFromAnother(Seen):
    """Each has the first entry of the next one."""

    def start_from(self, target: Any, condition: Any, generator: torch.Generator) -> Any:
        return super().start_from(target, {**condition, "seen": condition["seen"].roll(1)}, generator)


class StartsWithoutNoise(Seen):
    def start_from(self, target: Any, condition: Any, generator: torch.Generator) -> Any:
        x0, condition = super().start_from(target, condition, generator)
        return x0 * torch.tensor([1.0, 0.0], dtype=x0.dtype), condition


class SortsPoints(Seen):
    def pairs_of(self, source: Any, target: Any, x1: Any, condition: Any, generator: Any = None) -> si.Pairs:
        return super().pairs_of(source, target, x1[x1[:, 0].argsort()], condition, generator)


class PointsWithoutConditions(Seen):
    def pairs_of(self, source: Any, target: Any, x1: Any, condition: Any, generator: Any = None) -> si.Pairs:
        return si.Pairs(*self.pair(x1, x1, generator), condition)


@pytest.mark.parametrize(
    ("component", "check", "words"),
    [
        (SortsBoth(), "order-of-x1", "reorders the rows of x1"),
        (SortsBoth(), "conditions", "do not belong to their x1"),
        (Centres(), "order-of-x1", "changes the values of x1"),
        (Nearest(), "marginals", "x0 has not the law of the source"),
        (OwnSource(), "marginals", "x0 has not the law of the source"),
        (SaysIndependent(), "independence", "they are correlated"),
        (SaysMirror(), "mirror", "it says that x0 = x1, and they differ"),
        (MirrorUnsaid(), "mirror", "set source_is_target = True"),
        (Both(), "traits", "one of independent and source_is_target is wrong"),
        (TraitInWords(), "traits", "anchored is 'no'"),
        (ShufflesGlobally(), "own-randomness", "global generator of torch"),
        (ShufflesInPlace(), "inputs-unchanged", "changes its inputs in place: x0"),
        (LosesThePrecision(), "shape-and-dtype", "loses the states' dtype"),
        (LosesARow(), "shape-and-dtype", "has shape (5, 2) instead of (6, 2)"),
        (LosesConditions(), "conditions", "loses the conditions"),
        (ConditionsOfOthers(), "conditions", "do not belong to their x1"),
        (ValuesOfOthers(), "conditions", "of 'echo'"),
        (ValuesRounded(), "conditions", "of 'echo'"),
        (ValuesFlat(), "conditions", "the condition 'echo' has another shape; got (200,), due (200, 3)"),
        (GivesATuple(), "shape-and-dtype", "draw gives tuple, no si.Pairs"),
        (DeclaresNothing(), "conditions", "an unknown condition 'distance'"),
        (DeclaresMore(), "conditions", "the condition 'cost' is missing"),
        (DeclaresAnotherShape(), "conditions", "the condition 'gap' has another shape; got (200, 2), due (200, 2, 2)"),
        (WeightsInColumns(), "shape-and-dtype", "has shape (1, 1) instead of (1,)"),
        (DrawsNoTarget(), "marginals", "x1 has not the law of the target"),
        (SeenAndIndependent(), "traits", "source_from_target goes with neither"),
        (StartsFromAnother(), "starts-of-conditions", "has another law than that of the pairs"),
        (StartsWithoutNoise(), "starts-of-conditions", "has another law than that of the pairs"),
        (SortsPoints(), "given-points", "changes the points"),
        (PointsWithoutConditions(), "given-points", "the condition 'seen' is missing"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, si.Coupling) else "",
)
def test_a_wrong_coupling(rejected, component: si.Coupling, check: str, words: str) -> None:
    rejected("coupling", component, check, words)


class DrawnTogether(si.Coupling):
    """``x0 = mean + deviation x1``: of laws, and of none that it can see in batches."""

    def pair(self, x0: Tensor, x1: Tensor, generator: torch.Generator | None = None) -> Pair:
        raise si.UsageError("pairs are drawn together")

    def draw(
        self, source: si.Distribution, target: si.Distribution, n: int, generator: torch.Generator | None = None
    ) -> si.Pairs:
        if not isinstance(source, Normal):
            raise si.UsageError("normal ends only")
        x1, condition = target.draw(n, generator)
        return si.Pairs(source.mean + source.deviation * x1, x1, condition)


@pytest.mark.parametrize(
    "component",
    [Independent(), Sorted(), Resampled(), Mirror(), DrawnTogether(), Noted(), Seen()],
    ids=lambda value: type(value).__name__,
)
def test_a_right_one_is_accepted(accepted, component: si.Coupling) -> None:
    accepted("coupling", component)
