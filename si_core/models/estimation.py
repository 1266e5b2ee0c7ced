"""Estimation: the entry point of estimators, with the points they measure on."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from si_core.contract.condition import Condition, check_condition
from si_core.contract.data import Estimate
from si_core.contract.distribution import Distribution
from si_core.contract.estimate_line import TRAINING_ROWS
from si_core.contract.estimator import Estimator
from si_core.contract.given_condition import moved, read_condition, taken
from si_core.contract.runtime import Runtime
from si_core.contract.together import alone
from si_core.discovery.build import build
from si_core.discovery.first_calls import first_calls_watched
from si_core.errors import DataError, NumericsError, UsageError
from si_core.fields.exact import exact_fields
from si_core.models.freed_memory import keep_freed_memory
from si_core.models.given_points import check_points
from si_core.models.guided_law import LAWLESS
from si_core.models.missing_data import in_place
from si_core.models.model import Model
from si_core.process.process import StochasticInterpolant

__all__ = ["estimate", "measured_end", "missing_density", "missing_points", "reference_points"]

_POINTS = {True: 4000, False: 2000}
"""How many points are drawn where data are endless: for comparisons of samples, and for densities."""


def reference_points(end: Distribution, n: int, stream: torch.Generator) -> tuple[Tensor, Condition | None, bool]:
    """Points of a distribution in model space with their conditions, and whether they were trained on.

    Of data the rows held out, or where none are, training rows once each, n of them at most, chosen at random; else n
    fresh draws.
    """
    held_out = end.held_out()
    if held_out is not None:
        return held_out[0].to(stream.device), moved(held_out[1], stream.device), False
    if end.size is None:
        return *end.checked_draw(n, stream), False
    return *end.rows(torch.randperm(end.size, generator=stream, device=stream.device)[:n]), True


def missing_density(estimator: Estimator, process: StochasticInterpolant) -> str | None:
    """The end whose density an estimator needs and which has none, or one up to a constant; None where none is missing.

    Points of one end are carried to the other, whose density is asked for.
    """
    if "densities" not in estimator.needs:
        return None
    name = "source" if estimator.points_of == "target" else "target"
    end = process.source if name == "source" else process.target
    return None if end.normalised else name


def missing_points(estimator: Estimator, process: StochasticInterpolant, end: Distribution) -> str | None:
    """The end that an estimator measures on and that can't be drawn from; None where nothing is missing.

    Args:
        estimator: the estimator.
        process: the process.
        end: the end that sampling reaches.
    """
    of_source = estimator.points_of == "source"
    measured = end if "samples" in estimator.needs else process.source if of_source else process.target
    if measured.has_samples or measured.held_out() is not None:
        return None
    return "target" if measured is process.target else "source"


def measured_end(model: Model, estimator: Estimator) -> Distribution:
    """The end whose points an estimator measures on: for comparisons of samples, the one that sampling reaches."""
    if "samples" in estimator.needs:
        return model.end
    return model.process.source if estimator.points_of == "source" else model.process.target


def estimate(
    model: Model,
    estimator: Estimator | str,
    data: Tensor | None = None,
    *,
    condition: Any = None,
    seed: int = 0,
) -> Estimate:
    """Measure a model.

    Args:
        model: the model.
        estimator: an estimator, or the name of one.
        data: points in data space, shape (B, *event); None for held-out rows or fresh draws. They are points of the
            end that the estimator measures on, the target unless it says so, or for comparisons of samples of the end
            that sampling reaches.
        condition: of a conditional model, by name, one value for each of the points of ``data`` or one for all; or,
            without data, what the samples that are compared are given, beside reference points that have it.
        seed: of the estimator's randomness and of fresh draws.

    Raises:
        UsageError: the model lacks what the estimator needs, or points of a conditional model lack their conditions.
        DataError: points of another shape, or not finite.
        MissingDataError: a loaded model whose data are gone, and no points in their place.
        NumericsError: the result is not finite.
    """
    processes = Runtime.at(Model.checked(model).device, together=True).processes
    if processes is not None:
        # One estimate is one process's work; the others get it.
        with alone():
            own = estimate(model, estimator, data, condition=condition, seed=seed) if processes.leads else None
        return processes.of_leader(own)  # type: ignore[return-value]
    keep_freed_memory()
    if isinstance(estimator, str):
        estimator = build("estimator", estimator)
    if not isinstance(estimator, Estimator):
        raise UsageError("not an estimator", got=type(estimator).__name__)
    if "exact" in estimator.needs and not exact_fields.known(model.process):
        raise UsageError(
            f"{type(estimator).__name__} compares with exact fields, which are not known for this process",
            fix="use it with Gaussians or Gaussian mixtures at both ends",
        )
    lacking = missing_density(estimator, model.process)
    if lacking is not None:
        raise UsageError(
            f"{type(estimator).__name__} needs the density of the {lacking}, which has none that is normalised",
            got=f"{estimator.points_of} points, {type(getattr(model.process, lacking)).__name__} as {lacking}",
            fix=f"a {lacking} with a density, such as `gaussian`, or `direction: {lacking}`",
        )
    if data is None and missing_points(estimator, model.process, model.end) is not None:
        raise UsageError(
            f"{type(estimator).__name__} measures on points of an energy, which can't be drawn from",
            fix="give points of it: data=...",
        )
    estimator.check(model)
    stream = model.stream(seed, "evaluation")
    of_samples = "samples" in estimator.needs
    of_source = estimator.points_of == "source"
    end = measured_end(model, estimator)
    trained = False
    if data is None:
        with in_place("give points in their place (data=..., --data FILE)"):
            x, conditions, trained = _reference(end, _POINTS[of_samples], condition, model, stream)
        if of_source and conditions is None:
            conditions = _read(None, model, estimator, len(x))
        elif of_samples and condition is None:
            conditions = None  # samples are given what the data have, as sampling gives it
    else:
        x = end.encode(_checked(data, model))
        conditions = _read(condition, model, estimator, len(x))
    if conditions:
        given = model.conditions_in_precision(moved(conditions, model.device))
        model = replace(model, fields=model.fields.conditioned(given))
    with first_calls_watched([(estimator, "estimate")]):
        result = estimator.estimate(model, x.to(device=model.device, dtype=model.dtype), stream)
    if not math.isfinite(result.value):
        raise NumericsError(
            "the estimate is not finite", where=result.name, got=result.value, fix="more steps, or float64 data"
        )
    if model.told_of_law is not None:
        result = replace(result, details={**(result.details or {}), "law": LAWLESS})
    if trained:
        # They are no measure of what is to come.
        result = replace(result, details={**(result.details or {}), "points": TRAINING_ROWS})
    return result


def _reference(
    end: Distribution, n: int, condition: Any, model: Model, stream: torch.Generator
) -> tuple[Tensor, Condition | None, bool]:
    """Reference points as by :func:`reference_points`: of the conditions that are asked for, where some are."""
    x, conditions, trained = reference_points(end, n, stream)
    if condition is None:
        return x, conditions, trained
    asked = read_condition(model.process.conditions, condition)
    chosen = torch.ones(len(x), dtype=torch.bool, device=x.device)
    for name, values in asked.items():
        spec = model.process.conditions[name]
        if spec.classes is None or len(values) > 1 or conditions is None:
            raise UsageError(
                "reference points given a condition are chosen by one class",
                got=f"{len(values)} values of {spec.described(name)}",
                fix="give the points by data=... with one condition for each, or one for all",
            )
        chosen &= conditions[name] == values.to(x.device)
    if not bool(chosen.any()):
        raise DataError("no reference points have this condition", got=f"{condition}", fix="give points by data=...")
    return x[chosen], taken(conditions, chosen.nonzero()[:, 0]), trained


def _read(condition: Any, model: Model, estimator: Estimator, n: int) -> Condition | None:
    """What n points are given, checked; None where the fields know it already, or nobody asks them at points."""
    specs = model.process.conditions
    asks = bool(estimator.needs & {"fields", "densities"})
    if condition is None and (model.fields.condition or not asks):
        return None
    conditions = {} if condition is None else read_condition(specs, condition)
    where = f"{type(estimator).__name__}, which asks the fields at points" if asks else type(estimator).__name__
    due = {name: spec for name, spec in specs.items() if name in conditions or name not in model.optional}
    check_condition(due, conditions, n, where)
    return conditions


def _checked(data: Tensor, model: Model) -> Tensor:
    check_points(data, model.process.shape)
    return data.float() if not data.is_floating_point() else data
