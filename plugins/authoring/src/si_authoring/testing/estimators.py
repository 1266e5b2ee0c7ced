"""Conformance of estimators: an estimate that says what it is, a standard error that is one, a bound that holds.

They are measured on models between Gaussians of which everything is known (:mod:`.known_models`), in
independent runs with fresh points and a fresh generator each. A model that an estimator refuses by a UsageError, such
as an ODE where it needs an SDE, is left out.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import replace
from typing import get_args

import torch
from torch import Tensor

from si_authoring.testing.check import Deviations, Measured, NotApplicable, Violation, check
from si_authoring.testing.chi_square import chi_square_interval
from si_authoring.testing.closed_forms import CLOSED_FORMS, closed_form
from si_authoring.testing.common import accepted, first_accepted
from si_authoring.testing.estimator_points import order_of_points, same_mean
from si_authoring.testing.estimator_runs import (
    FEW_POINTS,
    FEW_RUNS,
    POINTS,
    RUNS,
    estimate_of,
    measures_on_points,
    not_refused,
    one_run,
    points_for,
    root_mean_square,
    runs_of,
)
from si_authoring.testing.known_models import KnownModel, known_models
from si_authoring.testing.setting import Output, Setting
from si_authoring.testing.suite import Suite
from si_core import Estimate, Estimator, UsageError
from si_core.public.estimates import panels_of
from si_core.public.process import Bound

__all__ = ["SUITE"]

_NEEDS = ("fields", "samples", "densities", "exact")
_BOUNDS = get_args(Bound)
_LEVEL = 1e-4
_ERRORS = 5.0
_INTEGRATION = 0.01
_OF_FOUR_TIMES = 0.85
"""What may be left of a deviation with four times the points; of one of the order n^(-1/4), 0.71 is."""


def _exercise(estimator: Estimator, setting: Setting) -> Sequence[Output]:
    # A number is of all points: there are as many whichever rows are asked for.
    wide, refusals = replace(setting, rows=FEW_POINTS, chosen=None), []
    for known in known_models(setting.event):
        x = wide.given("x", points_for(estimator, known, FEW_POINTS, wide.seed))
        try:
            return _outputs(estimate_of(estimator, known, x, wide.generator), setting)
        except UsageError as error:
            refusals.append(error)
    raise refusals[0]


def _outputs(found: Estimate, setting: Setting) -> Sequence[Output]:
    numbers = {"value": found.value, "standard_error": found.standard_error}
    given = [
        Output(name, torch.tensor(float(number), device=setting.device), (), rows=False, like=False)
        for name, number in numbers.items()
        if number is not None
    ]
    if found.per_sample is not None:
        count = tuple(found.per_sample.shape[:1])
        given.append(Output("per_sample", found.per_sample, count, rows=False, like=False))
    return given


def _models(estimator: Estimator) -> list[KnownModel]:
    """The models that are measured on, for the first event shape that is not refused."""
    event = first_accepted(SUITE, estimator).event
    return [known for known, _ in not_refused(estimator, event)]


@check
def traits(estimator: Estimator) -> None:
    """``needs``, ``points_of`` and ``quantity`` are of the words of the interface."""
    if not isinstance(estimator.needs, frozenset) or not estimator.needs <= set(_NEEDS):
        raise Violation(f"needs is {estimator.needs!r}; it is a frozenset of some of {', '.join(_NEEDS)}")
    if estimator.points_of not in ("target", "source"):
        raise Violation(f"points_of is {estimator.points_of!r}; it is target or source")
    if estimator.quantity and estimator.quantity not in CLOSED_FORMS:
        allowed = ", ".join(CLOSED_FORMS)
        raise Violation(f"quantity is {estimator.quantity!r}; it is empty for anything but {allowed}")


@check
def says_what_it_is(estimator: Estimator) -> None:
    """An estimate has a name, a unit, a finite value, a standard error >= 0 or None, a bound, and plain details."""
    for setting in accepted(SUITE, estimator):
        known, found = next(not_refused(estimator, setting.event))
        _refuse_parts(found)
        values = found.per_sample
        if values is None:
            continue
        if not isinstance(values, Tensor) or values.ndim != 1:
            shape = tuple(values.shape) if isinstance(values, Tensor) else type(values).__name__
            raise Violation(f"per_sample is {shape}; it has one number for each sample, shape (B,), or is None")
        if len(values) != FEW_POINTS and measures_on_points(estimator, known, found):
            raise Violation(f"per_sample has {len(values)} values for {FEW_POINTS} points")


def _refuse_parts(found: Estimate) -> None:
    for name, text in (("name", found.name), ("unit", found.unit)):
        if not isinstance(text, str) or not text.strip():
            raise Violation(f"the {name} of the estimate is {text!r}; it is a word" + ", such as 1" * (name == "unit"))
    if not _number(found.value) or not math.isfinite(found.value):
        raise Violation(f"the value is {found.value!r}, which is no finite number")
    error = found.standard_error
    if error is not None and not (_number(error) and 0 <= error < math.inf):
        raise Violation(f"the standard error is {error!r}; it is a number >= 0, or None where it is not known")
    if found.bound not in _BOUNDS:
        raise Violation(f"the bound is {found.bound!r}; it is one of {', '.join(_BOUNDS)}")
    try:
        plain = found.details is None or json.loads(json.dumps(found.details, allow_nan=False)) == found.details
    except (TypeError, ValueError):
        plain = False
    if not plain:
        raise Violation("details are not plain: numbers that are finite, words, lists, and maps by words")
    for name, problem in panels_of(found.details)[1].items():
        raise Violation(f"the detail {name!r} says that it is a panel, and is none: {problem}")


def _number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


@check
def standard_errors(estimator: Estimator) -> Measured | None:
    """The standard error is the scatter of independent runs, as far as 16 of them can tell (chi-square, 1e-4)."""
    known = _models(estimator)[0]
    if one_run(estimator, known, 0, POINTS).standard_error is None:
        raise NotApplicable("it states no standard error")
    values, errors = runs_of(estimator, known, RUNS, POINTS)
    if errors is None:
        raise Violation("it states a standard error in some runs and none in others, with as many points")
    scatter, stated = float(values.std()), root_mean_square(errors)
    if scatter == stated == 0:
        return None
    low, high = chi_square_interval(RUNS - 1, _LEVEL)
    found = (RUNS - 1) * (scatter / stated) ** 2 if stated > 0 else math.inf
    measured = Measured(found, high, f"{known.name}, chi-square of {RUNS} runs")
    beside = f"{RUNS} independent runs scatter by {scatter:.3g}, and it says {stated:.3g}"
    if found > high:
        raise Violation(f"the standard error is too small: {beside}", measured)
    if found < low:
        raise Violation(f"the standard error is too large: {beside}", Measured(1 / found, 1 / low, measured.where))
    return measured


@check
def more_points(estimator: Estimator) -> Measured | None:
    """The standard error falls like 1/sqrt(n) in the number n of points, to a factor sqrt(2) when n is four times."""
    event = first_accepted(SUITE, estimator).event
    known, found = next(not_refused(estimator, event))
    if not measures_on_points(estimator, known, found):
        raise NotApplicable("it does not measure on the points it is given")
    errors = [runs_of(estimator, known, FEW_RUNS, n)[1] for n in (POINTS, 4 * POINTS)]
    few, many = (0.0 if each is None else root_mean_square(each) for each in errors)
    if few == 0:
        raise NotApplicable("it states no standard error")
    # The factor is for the scatter of the errors themselves, by 1/sqrt(2 n) and more where tails are heavy.
    measured = Measured(abs(math.log2(few / many) - 1) if many > 0 else math.inf, 0.5, known.name)
    if not measured.deviation <= measured.allowed:
        raise Violation(
            "the standard error does not fall like 1/sqrt(n): "
            f"it is {few:.3g} for {POINTS} points and {many:.3g} for {4 * POINTS}",
            measured,
        )
    return measured


@check
def bound(estimator: Estimator) -> Measured | None:
    """The mean over runs is the true value, above it or below it, as the bound says: to 5 standard errors and 1 %.

    The one per cent, of one and the value, is for what the steps of integrators cost. A consistent value may be off,
    by less with four times the points; an approximate one claims nothing.
    """
    if estimator.quantity not in CLOSED_FORMS:
        raise NotApplicable("it names no quantity whose value is known")
    worst = Deviations("")
    for known in _models(estimator):
        truth = closed_form(estimator.quantity, known, estimator.points_of)
        held = None if truth is None else _held(estimator, known, truth)
        if held is not None:
            worst.add(held)
    return worst.result()


def _held(estimator: Estimator, known: KnownModel, truth: float) -> Measured | None:
    first = one_run(estimator, known, 0, FEW_POINTS)
    if first.bound == "approximate":
        return None
    if first.unit == "bits/dim":
        truth = truth / (known.dimensions * math.log(2))
    fixed = first.standard_error is None and not measures_on_points(estimator, known, first)
    values, errors = runs_of(estimator, known, 2 if fixed else FEW_RUNS, 2 * POINTS)
    mean, scatter = float(values.mean()), float(values.std())
    # Neither what is stated nor what is seen in a few runs may be too small by itself.
    error = max(scatter, 0.0 if errors is None else root_mean_square(errors)) / math.sqrt(len(values))
    above = {"upper": truth - mean, "lower": mean - truth}.get(first.bound, abs(mean - truth))
    allowed = _ERRORS * error + _INTEGRATION * (1 + abs(truth))
    measured = Measured(above, allowed, f"{known.name}, a mean of {len(values)} runs")
    if not above <= allowed and first.bound == "consistent":
        many = runs_of(estimator, known, FEW_RUNS, 8 * POINTS)[0]
        left, margin = abs(float(many.mean()) - truth), _ERRORS * float(many.std()) / math.sqrt(FEW_RUNS)
        above, allowed = left, _OF_FOUR_TIMES * above + margin
        mean, error = float(many.mean()), margin / _ERRORS
        measured = Measured(above, allowed, f"{known.name}, {above:.3g} with four times the points")
    if not above <= allowed:
        by = f"by {above:.3g}, {above / error:.1f} standard errors" if error > 0 else f"by {above:.3g}"
        place = {
            "lower": f"the stated lower bound {mean:.4g} lies above the true value {truth:.4g}",
            "upper": f"the stated upper bound {mean:.4g} lies below the true value {truth:.4g}",
        }.get(first.bound, f"the value {mean:.4g}, said to be {first.bound}, is off the true value {truth:.4g}")
        raise Violation(f"{place} of the {estimator.quantity} {by}", measured)
    return measured


@check
def tells_apart(estimator: Estimator) -> Measured | None:
    """A ``distance`` is larger for a model with errors than for the exact one, by 5 standard errors of the means."""
    if estimator.quantity != "distance":
        raise NotApplicable("it is no distance, or one whose value is known")
    models = {known.errors: known for known in _models(estimator) if known.epsilon > 0 or not known.errors}
    if len(models) < 2:
        raise NotApplicable("it refuses one of the two models")
    with_errors, without = (runs_of(estimator, models[errors], FEW_RUNS, 4 * POINTS)[0] for errors in (True, False))
    error = math.hypot(float(with_errors.std()), float(without.std())) / math.sqrt(FEW_RUNS)
    gap = float(with_errors.mean() - without.mean())
    measured = Measured(_ERRORS * error, max(gap, 0.0), "the SDE of fields with errors beside that of exact ones")
    if not _ERRORS * error < gap:
        raise Violation("it does not tell a model with errors from the exact one", measured)
    return measured


SUITE = Suite(
    kind="estimator",
    refusable=True,
    exercise=_exercise,
    own=(traits, says_what_it_is, order_of_points, standard_errors, more_points, same_mean, bound, tells_apart),
    events=((2,), (1, 2, 2)),
)
