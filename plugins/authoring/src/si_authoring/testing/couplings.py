"""Conformance of couplings: pairs of the two given laws, with each x1 in its place, and what is claimed of them.

A coupling pairs batches (``pair``), draws pairs of two laws (``draw``), or both; one that refuses batches is checked by
its draws alone.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch

from si_authoring.testing.check import NotApplicable, Violation, check
from si_authoring.testing.coupled_conditions import conditions, given_points
from si_authoring.testing.coupled_laws import ends_of
from si_authoring.testing.coupled_statistics import independence, marginals, starts_of_conditions, weights
from si_authoring.testing.noise import seeded
from si_authoring.testing.setting import Output, Setting
from si_authoring.testing.suite import Suite
from si_core import Coupling, Pairs, UsageError

__all__ = ["SUITE"]

_EVENTS = ((2,), (), (3,), (3, 4), (1, 2, 3))
_BATCH = 16


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
def intervals(coupling: Coupling) -> None:
    """Pairs have intervals ``0 <= a < b <= 1``, one for each pair, if and only if the coupling declares them."""
    if not isinstance(coupling.intervals, bool):
        raise Violation(f"intervals is {coupling.intervals!r}, neither True nor False")
    interval = coupling.draw(*ends_of(coupling), _BATCH, seeded(0)).interval
    if (interval is not None) != coupling.intervals:
        raise Violation(f"intervals is {coupling.intervals}, and drawn pairs have {'some' if interval else 'none'}")
    if interval is None:
        raise NotApplicable("its pairs live on the whole of [0, 1]")
    a, b = interval
    if a.shape != (_BATCH,) or b.shape != (_BATCH,) or not bool(((a >= 0) & (a < b) & (b <= 1)).all()):
        raise Violation(f"intervals have shapes {tuple(a.shape)}, {tuple(b.shape)}, or are not in order within [0, 1]")


@check
def mirror(coupling: Coupling) -> None:
    """``source_is_target`` is set if and only if x0 = x1."""
    source, target = ends_of(coupling)
    pairs = coupling.draw(source, target, 32, seeded(0))
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
