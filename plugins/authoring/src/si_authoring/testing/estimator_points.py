"""Checks of what an estimator makes of its points: one value for each, in their order, and a mean that is theirs alone.

A number that is unbiased has the same mean however many points it is measured on. One that is found on the points it
was fitted to has not: the accuracy of a classifier on its own training points falls as they become more.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from si_authoring.testing.check import Measured, NotApplicable, Violation, check
from si_authoring.testing.estimator_runs import (
    FEW_POINTS,
    FEW_RUNS,
    POINTS,
    estimate_of,
    measures_on_points,
    not_refused,
    points_for,
    root_mean_square,
    runs_of,
)
from si_authoring.testing.known_models import KnownModel
from si_core import Estimate, Estimator, NumericsError, UsageError

__all__ = ["order_of_points", "same_mean"]

_ERRORS, _ROUNDING, _TELLING = 5.0, 1e-6, 10.0


def _first(estimator: Estimator, exact: bool = False) -> tuple[KnownModel, Estimate]:
    """The first model that is not refused, of the first event shape in which one is not, with a small run.

    Args:
        estimator: the estimator.
        exact: whether one with exact fields comes before those with errors.
    """
    refusal: UsageError | None = None
    for event in ((2,), (1, 2, 2)):
        try:
            return min(not_refused(estimator, event), key=lambda pair: exact and pair[0].errors)
        except UsageError as error:
            refusal = refusal or error
    raise NotApplicable(f"it refuses all that the kit has to offer: {refusal}")


@check
def order_of_points(estimator: Estimator) -> Measured | None:
    """Where there is a value for each point, ``per_sample`` has them in the order of the points."""
    known, found = _first(estimator)
    values = found.per_sample
    if values is None or len(values) != FEW_POINTS or not measures_on_points(estimator, known, found):
        raise NotApplicable("it has no value for each point")
    x = points_for(estimator, known, FEW_POINTS, 0)
    # No order that the estimator draws of its own generator: two that are equal commute.
    order = torch.randperm(FEW_POINTS, generator=torch.Generator().manual_seed(20_240_229))
    expected, got = values.double()[order], _values(estimator, known, x[order])
    allowed = _ROUNDING * (1 + float(expected.abs().max()))
    off = float((got - expected).abs().max())
    if off <= allowed:
        return Measured(off, allowed, "points in another order")
    # Randomness may stand at places, not at points: then a point has another value elsewhere, with the same mean.
    return _told_apart(estimator, known, x)


def _values(estimator: Estimator, known: KnownModel, x: Tensor) -> Tensor:
    found = estimate_of(estimator, known, x, torch.Generator().manual_seed(1)).per_sample
    if found is None or len(found) != len(x):
        raise Violation("per_sample has a value for each of some points, and not for each of others")
    return found.double()


def _told_apart(estimator: Estimator, known: KnownModel, x: Tensor) -> Measured:
    """Of two points in turns, the one and the other have the values that they have alone."""
    distance = (x - x.mean(0)).flatten(1).norm(dim=1)
    ends = torch.stack([x[distance.argmin()], x[distance.argmax()]])
    turns = torch.arange(FEW_POINTS) % 2
    try:
        near, far = (_values(estimator, known, ends[torch.full_like(turns, k)]) for k in (0, 1))
        mixed = _values(estimator, known, ends[turns])
    except NumericsError as failure:
        raise NotApplicable(f"it can't be measured on equal points: {failure.problem}") from failure
    gap = float(near.mean() - far.mean())
    error = math.hypot(float(near.std()), float(far.std())) / math.sqrt(FEW_POINTS)
    if not abs(gap) > _TELLING * error:
        raise NotApplicable("its value of a point hardly depends on the point")
    one, other = mixed[turns == 0], mixed[turns == 1]
    # Half as many of each, and the scatter is that of the points alone, whatever the order makes of it.
    off = abs(float(one.mean() - other.mean()) - gap)
    measured = Measured(off, 2 * _ERRORS * error + _ROUNDING * abs(gap), known.name)
    if not measured.deviation <= measured.allowed:
        raise Violation(
            f"per_sample is not in the order of the points: in turns two points have {float(one.mean()):.3g} "
            f"and {float(other.mean()):.3g}, each alone {float(near.mean()):.3g} and {float(far.mean()):.3g}",
            measured,
        )
    return measured


@check
def same_mean(estimator: Estimator) -> Measured:
    """An exact or unbiased value has the same mean for few points and for four times as many, to 5 standard errors.

    It is looked at for exact fields where it has a value there: samples then have the law of the points, and a
    classifier, say, learns no more of more points.
    """
    known, found = _first(estimator, exact=True)
    if found.bound not in ("exact", "unbiased"):
        raise NotApplicable("it says that it is a bound")
    if not measures_on_points(estimator, known, found):
        raise NotApplicable("it does not measure on the points it is given")
    runs = [runs_of(estimator, known, FEW_RUNS, n) for n in (POINTS, 4 * POINTS)]
    means = [float(values.mean()) for values, _ in runs]
    # Neither what is stated nor what is seen in a few runs may be too small by itself.
    sizes = [max(float(v.std()), 0.0 if e is None else root_mean_square(e)) for v, e in runs]
    allowed = _ERRORS * math.hypot(*sizes) / math.sqrt(FEW_RUNS) + _ROUNDING * (1 + abs(means[1]))
    measured = Measured(abs(means[0] - means[1]), allowed, known.name)
    if not measured.deviation <= allowed:
        raise Violation(
            f"the value, said to be {found.bound}, depends on the number of points: its mean is {means[0]:.4g} for "
            f"{POINTS} and {means[1]:.4g} for {4 * POINTS}; what is fitted to points is measured on others",
            measured,
        )
    return measured
