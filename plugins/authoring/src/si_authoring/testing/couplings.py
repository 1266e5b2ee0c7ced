"""Conformance of couplings: pairs of the two given laws, with each x1 in its place, and what is claimed of them.

A coupling pairs batches (``pair``), draws pairs of two laws (``draw``), or both; one that refuses batches is checked by
its draws alone.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from si_authoring.testing.check import Deviations, Measured, NotApplicable, Violation, check
from si_authoring.testing.coupled_laws import CONDITIONS, Ends, conditions_of, ends_of
from si_authoring.testing.setting import Output, Setting
from si_authoring.testing.suite import Suite
from si_core import Coupling, Pairs, UsageError, check_classes, check_condition

__all__ = ["SUITE"]

_ERRORS = 5.0
_EVENTS = ((2,), (), (3,), (3, 4), (1, 2, 3))
_BATCHES, _BATCH = 250, 16


def _pairs_batches(coupling: Coupling) -> bool:
    """Whether it pairs batches of any event shape."""
    for event in _EVENTS:
        setting = Setting(event=event)
        try:
            coupling.pair(setting.states("x0"), setting.states("x1"), setting.generator)
        except UsageError:
            continue
        return True
    return False


def _exercise(coupling: Coupling, setting: Setting) -> Sequence[Output]:
    outputs = []
    if _pairs_batches(coupling):
        x0, x1 = coupling.pair(setting.states("x0"), setting.states("x1"), setting.generator)
        outputs += [
            Output("x0 of pair(x0, x1, generator)", x0, setting.shape, rows=False),
            Output("x1 of pair(x0, x1, generator)", x1, setting.shape, rows=False),
        ]
    try:
        source, target = ends_of(coupling)
    except NotApplicable:
        if outputs:
            return outputs
        raise
    for n in (1, 7):
        pairs = coupling.draw(source, target, n, setting.generator)
        if not isinstance(pairs, Pairs):
            raise Violation(f"draw gives {type(pairs).__name__}, no si.Pairs(x0, x1, condition)")
        shape = (n, *target.shape)
        outputs.append(Output(f"x0 of draw(source, target, {n})", pairs.x0, shape, rows=False, like=False))
        outputs.append(Output(f"x1 of draw(source, target, {n})", pairs.x1, shape, rows=False, like=False))
        for name, values in (pairs.condition or {}).items():
            spec = {**target.conditions, **coupling.conditions_of(target)}.get(name)
            due = (n, *(values.shape[1:] if spec is None else spec.shape))
            outputs.append(Output(f"the condition {name!r} of draw({n})", values, due, rows=False, like=False))
        if pairs.weight is not None:
            outputs.append(Output(f"weights of draw(source, target, {n})", pairs.weight, (n,), rows=False, like=False))
    return outputs


@check
def traits(coupling: Coupling) -> None:
    """``independent``, ``source_is_target``, ``source_from_target`` and ``anchored`` are True or False, and not more
    than one of the first three is True."""
    for name in ("independent", "source_is_target", "source_from_target", "anchored"):
        if not isinstance(getattr(coupling, name), bool):
            raise Violation(f"{name} is {getattr(coupling, name)!r}, neither True nor False")
    if coupling.independent and coupling.source_is_target:
        raise Violation("x0 = x1 and independent of it: one of independent and source_is_target is wrong")
    if coupling.source_from_target and (coupling.independent or coupling.source_is_target):
        raise Violation("x0 is made of x1: source_from_target goes with neither independent nor source_is_target")


@check
def order_of_x1(coupling: Coupling) -> None:
    """``pair`` leaves x1 as it is, row by row, for conditions belong to it."""
    if not _pairs_batches(coupling):
        raise NotApplicable("it refuses batches; its pairs are drawn together")
    for event in _EVENTS:
        for dtype in SUITE.dtypes:
            setting = Setting(rows=24, event=event, dtype=dtype)
            given = setting.states("x1")
            try:
                _, kept = coupling.pair(setting.states("x0"), given.clone(), setting.generator)
            except UsageError:
                continue
            if kept.shape != given.shape or torch.equal(kept, given):
                continue  # another shape is the matter of another check
            rows, others = (x.reshape(len(x), -1) for x in (given, kept))
            known = bool((others[:, None] == rows).all(2).any(1).all())
            raise Violation(
                f"pair {'reorders the rows' if known else 'changes the values'} of x1 (states of shape "
                f"{setting.shape}); leave x1 as it is and reorder x0, for conditions belong to x1"
            )


@check
def conditions(coupling: Coupling) -> None:
    """Drawn pairs have the target's conditions and the coupling's own, those of the target each with its own x1."""
    source, target = ends_of(coupling)
    pairs = coupling.draw(source, target, 200, _seeded())
    due = {**target.conditions, **coupling.conditions_of(target)}
    lost = [name for name in target.conditions if name not in (pairs.condition or {})]
    if lost:
        raise Violation(f"draw loses the conditions of the target: {', '.join(lost)}")
    try:
        check_condition(due, pairs.condition, len(pairs.x1))
        check_classes(due, pairs.condition or {})
    except UsageError as error:
        raise Violation(f"draw: {error.problem}; got {error.got}, due {error.allowed}") from error
    if not due:
        raise NotApplicable("the laws that it pairs have no conditions, and it has none of its own")
    if target.conditions is not CONDITIONS:
        return
    for name, values in conditions_of(pairs.x1).items():
        if not torch.equal((pairs.condition or {})[name].to(values), values):
            raise Violation(
                f"conditions do not belong to their x1: draw or pair changes the order, or the values, of {name!r}"
            )


@check
def given_points(coupling: Coupling) -> None:
    """``pairs_of`` pairs given points of the target: they stay as they are, with their conditions."""
    if not coupling.pairs_points:
        raise NotApplicable("it draws its pairs together, and pairs no given points")
    source, target = ends_of(coupling)
    x1, condition = target.draw(20, _seeded(7))
    pairs = coupling.pairs_of(source, target, x1, condition, _seeded(8))
    if not torch.equal(pairs.x1, x1) or pairs.x0.shape != x1.shape:
        raise Violation("pairs_of changes the points that it is given, or gives another number of x0")
    due = {**target.conditions, **coupling.conditions_of(target)}
    try:
        check_condition(due, pairs.condition, len(x1))
    except UsageError as error:
        raise Violation(f"pairs_of: {error.problem}; got {error.got}, due {error.allowed}") from error
    if any(not torch.equal((pairs.condition or {})[name], values) for name, values in (condition or {}).items()):
        raise Violation("pairs_of gives points the conditions of others")


@check
def starts_of_conditions(coupling: Coupling) -> Measured | None:
    """Where x0 is made of x1, ``start_from`` draws x0 given the conditions of a pair as pairs have it."""
    if not coupling.source_from_target:
        raise NotApplicable("x0 is drawn from a source")
    source, target = ends_of(coupling)
    pairs = coupling.draw(source, target, 4000, _seeded(9))
    found = coupling.start_from(target, pairs.condition or {}, _seeded(10))
    if found is None:
        raise NotApplicable("it makes no x0 of conditions alone")
    specs = {**target.conditions, **coupling.conditions_of(target)}
    check_condition(specs, found[1], len(pairs.x0))
    deviations = Deviations(
        "x0 that start_from makes of the conditions of pairs has another law than that of the pairs"
    )
    # Products with the conditions' own x1 tell whether each has the x0 of its conditions.
    one, other = (_features(x0) for x0 in (found[0], pairs.x0))
    for name, weight in (("x0", torch.ones(len(one), 1)), ("x0 x1", pairs.x1.double().flatten(1)[:, :1])):
        off = (one - other) * weight
        allowed = (_ERRORS * off.std(0) / math.sqrt(len(off))).tolist()
        for k, value in enumerate(off.mean(0).tolist()):
            deviations.close(value, 0.0, allowed[k] + 1e-6, f"feature {k} of {name}")
    return deviations.result()


def _seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def _features(x: Tensor) -> Tensor:
    """The first two entries of each row and their squares, (..., 2) or (..., 4), in double precision."""
    rows = x.double().flatten(1)[:, :2]
    return torch.cat([rows, rows.square()], 1)


def _batches(coupling: Coupling, ends: Ends) -> tuple[Tensor, Tensor]:
    """Features of drawn pairs times their weights, each (batches, batch, features).

    Batches are independent, pairs of one need not be.
    """
    generator, found = _seeded(3), []
    for _ in range(_BATCHES):
        pairs = coupling.draw(*ends, _BATCH, generator)
        weight = 1.0 if pairs.weight is None else pairs.weight.double().unsqueeze(1)
        found.append((weight * _features(pairs.x0), weight * _features(pairs.x1)))
    return torch.stack([a for a, _ in found]), torch.stack([b for _, b in found])


def _standard_error(of_batches: Tensor) -> Tensor:
    return of_batches.std(0) / math.sqrt(len(of_batches))


@check
def marginals(coupling: Coupling) -> Measured | None:
    """Over many batches x0 has the law of the source and x1 that of the target, in mean and variance."""
    if coupling.intervals:
        raise NotApplicable("its pairs need not reach from end to end")
    ends = ends_of(coupling)
    deviations = {name: Deviations(f"{name} has not the law of the {end}") for name, end in _ENDS.items()}
    for name, law, features in zip(_ENDS, ends, _batches(coupling, ends), strict=True):
        reference = _features(law.sample(20_000, _seeded(4)))
        off, of_batches = features.mean((0, 1)) - reference.mean(0), features.mean(1)
        error = torch.hypot(_standard_error(of_batches), reference.std(0) / math.sqrt(len(reference)))
        for k, (value, allowed) in enumerate(zip(off.tolist(), (_ERRORS * error).tolist(), strict=True)):
            half = len(off) // 2
            what = f"E {name}_{k % half}{'^2' if k >= half else ''}"
            deviations[name].close(value, 0.0, allowed + 1e-12, f"{what} over {_BATCHES} batches of {_BATCH}")
    results = [each.result() for each in deviations.values()]
    return max((each for each in results if each is not None), key=lambda one: one.deviation / one.allowed)


_ENDS = {"x0": "source", "x1": "target"}


@check
def weights(coupling: Coupling) -> Measured | None:
    """Weights of drawn pairs, where there are some, are one number a pair, not negative, with mean 1."""
    ends, generator, means = ends_of(coupling), _seeded(6), list[Tensor]()
    for _ in range(_BATCHES):
        weight = coupling.draw(*ends, _BATCH, generator).weight
        if weight is None:
            raise NotApplicable("its pairs have no weights")
        if tuple(weight.shape) != (_BATCH,):
            raise Violation(f"weights have shape {tuple(weight.shape)} in place of {(_BATCH,)}: one for each pair")
        if not bool((torch.isfinite(weight) & (weight >= 0)).all()):
            raise Violation("weights are negative or not finite")
        means.append(weight.double().mean())
    of_batches, deviations = torch.stack(means), Deviations("the mean weight is not 1: the loss has another scale")
    deviations.close(of_batches.mean(), 1.0, float(_ERRORS * _standard_error(of_batches)) + 1e-6, "the mean weight")
    return deviations.result()


@check
def intervals(coupling: Coupling) -> None:
    """Pairs have intervals ``0 <= a < b <= 1``, one for each pair, if and only if the coupling declares them."""
    if not isinstance(coupling.intervals, bool):
        raise Violation(f"intervals is {coupling.intervals!r}, neither True nor False")
    interval = coupling.draw(*ends_of(coupling), _BATCH, _seeded()).interval
    if (interval is not None) != coupling.intervals:
        raise Violation(f"intervals is {coupling.intervals}, and drawn pairs have {'some' if interval else 'none'}")
    if interval is None:
        raise NotApplicable("its pairs live on the whole of [0, 1]")
    a, b = interval
    if a.shape != (_BATCH,) or b.shape != (_BATCH,) or not bool(((a >= 0) & (a < b) & (b <= 1)).all()):
        raise Violation(f"intervals have shapes {tuple(a.shape)}, {tuple(b.shape)}, or are not in order within [0, 1]")


@check
def independence(coupling: Coupling) -> Measured | None:
    """Where the coupling says ``independent``, functions of x0 and of x1 are uncorrelated."""
    if not coupling.independent:
        raise NotApplicable("it does not say that x0 and x1 are independent")
    first, second = _batches(coupling, ends_of(coupling))
    first, second = first - first.mean((0, 1)), second - second.mean((0, 1))
    products = torch.einsum("kbi,kbj->kij", first, second) / first.shape[1]
    deviations = Deviations("it says that x0 and x1 are independent, and they are correlated")
    error = _ERRORS * _standard_error(products)
    covariance = products.mean(0)
    for i in range(covariance.shape[0]):
        for j in range(covariance.shape[1]):
            deviations.close(covariance[i, j], 0.0, float(error[i, j]) + 1e-12, f"features {i} of x0 and {j} of x1")
    return deviations.result()


@check
def mirror(coupling: Coupling) -> None:
    """``source_is_target`` is set if and only if x0 = x1."""
    source, target = ends_of(coupling)
    pairs = coupling.draw(source, target, 32, _seeded())
    x0, x1 = pairs.x0, pairs.x1
    equal = [torch.equal(x0, x1)] if source is not target or coupling.source_is_target else []
    if _pairs_batches(coupling):
        for event in _EVENTS:
            setting = Setting(event=event)
            try:
                x0, x1 = coupling.pair(setting.states("x0"), setting.states("x1"), setting.generator)
            except UsageError:
                continue
            equal.append(torch.equal(x0, x1))
    if coupling.source_is_target and not all(equal):
        raise Violation("it says that x0 = x1, and they differ")
    if not coupling.source_is_target and any(equal):
        raise Violation("x0 = x1: set source_is_target = True")


SUITE = Suite(
    kind="coupling",
    exercise=_exercise,
    own=(
        traits,
        order_of_x1,
        conditions,
        given_points,
        starts_of_conditions,
        marginals,
        weights,
        intervals,
        independence,
        mirror,
    ),
    events=_EVENTS,
)
