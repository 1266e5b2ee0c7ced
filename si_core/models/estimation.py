"""Estimation: the public door to estimators, with the points they measure on."""

from __future__ import annotations

import math
from dataclasses import replace

import torch
from torch import Tensor

from si_core.contract.data import Estimate
from si_core.contract.distribution import Distribution
from si_core.contract.estimator import Estimator
from si_core.discovery.build import build
from si_core.errors import DataError, NumericsError, UsageError
from si_core.fields.exact import exact_fields
from si_core.models.freed_memory import keep_freed_memory
from si_core.models.model import Model
from si_core.models.streams import generator
from si_core.process.process import StochasticInterpolant

__all__ = ["estimate", "missing_density", "reference_points"]

_POINTS = {True: 4000, False: 2000}
"""How many points are drawn where data are endless: for comparisons of samples, and for densities."""


def reference_points(end: Distribution, n: int, stream: torch.Generator) -> tuple[Tensor, Tensor | None]:
    """Points of a distribution in model space with their conditions: held-out rows of data, else n fresh draws."""
    held_out = end.held_out()
    if held_out is None:
        return end.labelled(n, stream)
    rows, conditions = held_out
    return rows.to(stream.device), None if conditions is None else conditions.to(stream.device)


def missing_density(estimator: Estimator, process: StochasticInterpolant) -> str | None:
    """The end whose density an estimator needs and which has none; None where nothing is missing.

    Points of one end are carried to the other, whose density is asked for.
    """
    if "densities" not in estimator.needs:
        return None
    name = "source" if estimator.points_of == "target" else "target"
    end = process.source if name == "source" else process.target
    return None if end.has_density else name


def estimate(
    model: Model,
    estimator: Estimator | str,
    data: Tensor | None = None,
    *,
    condition: Tensor | None = None,
    seed: int = 0,
) -> Estimate:
    """Measure a model.

    Args:
        model: the model.
        estimator: an estimator, or the name of one.
        data: points in data space, shape (B, *event); None for held-out rows or fresh draws. They are points of the
            end that the estimator measures on, the target unless it says so, or for comparisons of samples of the end
            that sampling reaches.
        condition: conditions of the points, shape (B,), for a conditional model.
        seed: of the estimator's randomness and of fresh draws.

    Raises:
        UsageError: the model lacks what the estimator needs, or points of a conditional model lack their conditions.
        DataError: points of another shape, or not finite.
        NumericsError: the result is not finite.
    """
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
            f"{type(estimator).__name__} needs the density of the {lacking}, which has none",
            got=f"{estimator.points_of} points, {type(getattr(model.process, lacking)).__name__} as {lacking}",
            fix=f"a {lacking} with a density, such as `gaussian`, or `direction: {lacking}`",
        )
    stream = generator(seed, "evaluation", device=model.device)
    of_samples = "samples" in estimator.needs
    of_source = estimator.points_of == "source"
    end = model.end if of_samples else model.process.source if of_source else model.process.target
    if data is None:
        x, condition = reference_points(end, _POINTS[of_samples], stream)
        if of_source and condition is None:
            condition = _conditions(None, model, estimator, len(x), stream)
    else:
        x = end.encode(_checked(data, model))
        condition = _conditions(condition, model, estimator, len(x), stream)
    if condition is not None and model.process.target.classes is not None and not of_samples:
        model = replace(model, fields=model.fields.conditioned(condition.to(model.device)))
    result = estimator.estimate(model, x.to(device=model.device, dtype=model.dtype), stream)
    if not math.isfinite(result.value):
        raise NumericsError(
            "the estimate is not finite", where=result.name, got=result.value, fix="more steps, or float64 data"
        )
    return result


def _conditions(
    condition: Tensor | None, model: Model, estimator: Estimator, n: int, stream: torch.Generator
) -> Tensor | None:
    """The conditions of n points, checked."""
    if condition is not None:
        if tuple(condition.shape) != (n,):
            raise UsageError("a condition for each point", got=f"shape {tuple(condition.shape)}", allowed=f"({n},)")
        return model.conditions(n, stream, condition)
    told = getattr(model.fields, "condition", None) is not None
    if model.process.target.classes is not None and not told and estimator.needs & {"fields", "densities"}:
        raise UsageError(
            f"{type(estimator).__name__} asks the fields at points, and those of this model depend on the class",
            got="points without conditions",
            fix="pass condition=labels (--labels FILE.npy), or leave data out for held-out rows with theirs",
        )
    return None


def _checked(data: Tensor, model: Model) -> Tensor:
    if tuple(data.shape[1:]) != model.process.shape or len(data) == 0:
        raise DataError(
            "points of another shape than the model's",
            got=tuple(data.shape),
            allowed=f"(B, {', '.join(map(str, model.process.shape))})",
        )
    if not bool(torch.isfinite(data).all()):
        row = int((~torch.isfinite(data).flatten(1).all(1)).nonzero()[0])
        raise DataError("points that are not finite", where=f"row {row}", fix="drop or repair these rows")
    return data.float() if not data.is_floating_point() else data
