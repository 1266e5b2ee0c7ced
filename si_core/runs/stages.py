"""What a run does after training: samples, estimates and the report, each into the run's folder.

All of it is a function of the trained weights and the recipe's seed, so nothing of it needs a checkpoint: a run that
was stopped here does it again and gets the same bits.
"""

from __future__ import annotations

import io
import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from si_core.contract.data import Estimate
from si_core.contract.estimate_line import estimate_line
from si_core.contract.estimator import Estimator
from si_core.contract.weights import effective_sample_size, weights_of_mean_one
from si_core.discovery.available import available
from si_core.discovery.build import build
from si_core.errors import NumericsError, PluginError, RecipeError, StorageError
from si_core.models.estimation import estimate
from si_core.models.given_values import given_values
from si_core.models.missing_data import MissingDataError
from si_core.models.model import Model
from si_core.models.sampling import Samples, draw_samples
from si_core.process.completion import MARGIN
from si_core.recipes.paths import buildable_options
from si_core.recipes.recipe import Recipe
from si_core.recipes.selection import Selection
from si_core.runs.attribution import attributed
from si_core.runs.directory import RunDirectory
from si_core.runs.log import Console
from si_core.runs.view import run_view
from si_core.storage.array_file import load_array
from si_core.storage.atomic import write_atomic
from si_core.storage.metrics import read_metrics
from si_core.storage.strict_json import format_json

__all__ = [
    "check_finite",
    "estimate_record",
    "measure_into",
    "sample_into",
    "samples_again",
    "selected_reports",
    "warn_of_frozen_ends",
    "write_array",
    "write_report",
    "write_samples",
    "write_weights",
]


def write_array(path: Path, values: Tensor, typed: Callable[[Tensor], NDArray[np.generic]] | None = None) -> None:
    """Write a tensor as ``.npy``, whole or not at all, in the dtype that ``typed`` gives it.

    Raises:
        NumericsError: a value that is not finite; nothing is written.
        StorageError: the file can't be written.
    """
    check_finite(path, values)
    buffer = io.BytesIO()
    np.save(buffer, values.numpy() if typed is None else typed(values), allow_pickle=False)
    write_atomic(path, buffer.getvalue())


def check_finite(path: Path, values: Tensor) -> None:
    """Refuse to store samples (n, *event) that are not finite.

    Raises:
        NumericsError: how many they are.
    """
    if values.is_floating_point() and not bool(torch.isfinite(values).all()):
        bad = int((~torch.isfinite(values)).flatten(1).any(1).sum())
        raise NumericsError(
            "samples that are not finite are not stored",
            where=str(path),
            got=f"{bad} of {len(values)} rows",
            fix="more steps of the integrator, or a smaller epsilon",
        )


def read_array(path: Path) -> Tensor:
    """The tensor that :func:`write_array` wrote.

    Raises:
        StorageError: the file can't be read.
    """
    fix = "put the file back, or let the run make it again: si run --resume"
    found = load_array(path, StorageError, fix)
    try:
        return torch.from_numpy(found)
    except TypeError as error:
        raise StorageError("an array of no numbers", where=str(path), got=found.dtype, fix=fix) from error


def write_samples(
    path: Path, weights: Path, samples: Samples, typed: Callable[[Tensor], NDArray[np.generic]] | None = None
) -> None:
    """Write samples, and their weights of mean 1 where they have some; those of samples before go.

    Args:
        path: the samples, ``.npy``.
        weights: the weights, ``.npy``.
        samples: what to write.
        typed: gives samples another dtype.

    Raises:
        NumericsError, StorageError: as for :func:`write_array`.
    """
    write_array(path, samples.x, typed)
    write_weights(weights, samples)


def write_weights(path: Path, samples: Samples) -> None:
    """Write the weights of samples, of mean 1, where they have some; those of samples before go.

    Raises:
        NumericsError, StorageError: as for :func:`write_array`.
    """
    if samples.log_weights is None:
        path.unlink(missing_ok=True)
    else:
        write_array(path, weights_of_mean_one(samples.log_weights))


def sample_into(directory: RunDirectory, recipe: Recipe, model: Model, console: Console) -> Samples:
    """Draw the samples that the recipe asks for, into ``samples.npy``; returns them with their conditions."""
    console.line(f"sampling {recipe.sample.number}")
    warn_of_frozen_ends(model, console)
    samples = _draw(recipe, model, console)
    # What comes next needs the memory more.
    model.accelerator.release()
    write_samples(directory.samples, directory.weights, samples)
    return samples


def samples_again(directory: RunDirectory, recipe: Recipe, model: Model, console: Console) -> Samples:
    """The samples of a run drawn again; those that it stored, where they start from data that are gone.

    Raises:
        MissingDataError: none were stored either.
    """
    try:
        return _draw(recipe, model, console)
    except MissingDataError as error:
        if not directory.samples.is_file():
            raise
        console.warn(f"these are the samples that the run stored, without what they were given: {error}")
        weights = read_array(directory.weights).log() if directory.weights.is_file() else None
        return Samples(read_array(directory.samples), log_weights=weights)


def _draw(recipe: Recipe, model: Model, console: Console) -> Samples:
    """The samples that a recipe asks for."""
    return draw_samples(
        model,
        recipe.sample.number,
        recipe.seed,
        given_values(model, recipe.condition),
        lambda done, of: console.progress(done, of, "samples"),
    )


def warn_of_frozen_ends(model: Model, console: Console) -> None:
    """Say where weights without bound are frozen: samples are biased, and steps that are too long go astray."""
    transport = model.transport()
    ends = [end for end, unbounded in enumerate(transport.flow.unbounded) if unbounded]
    if not ends:
        return
    console.warn(
        f"weights of the learned fields grow without bound at {' and '.join(f't = {end}' for end in ends)}; as "
        f"`freeze` asks, they are frozen in the last {MARGIN:.2g} of the clock, which biases samples"
    )


def measure_into(
    directory: RunDirectory, recipe: Recipe, model: Model, estimators: Iterable[Estimator], console: Console
) -> list[dict[str, Any]]:
    """Measure what the recipe asks for, into ``estimates.json``, which grows with each number; returns the records."""
    records: list[dict[str, Any]] = []
    _store(directory, records)
    for estimator, selection in zip(estimators, recipe.estimators, strict=True):
        console.progress(len(records), len(recipe.estimators), selection.name)
        result = estimate(model, estimator, seed=recipe.seed)
        console.line(estimate_line(result))
        records.append(estimate_record(result))
        _store(directory, records)
    return records


def _store(directory: RunDirectory, records: list[dict[str, Any]]) -> None:
    write_atomic(directory.estimates, format_json(records, str(directory.estimates), indent=2))


def estimate_record(result: Estimate) -> dict[str, Any]:
    """An estimate as plain values, without the value of each sample; an error that is not finite is null."""
    record = {key: value for key, value in asdict(result).items() if key != "per_sample"}
    if result.standard_error is not None and not math.isfinite(result.standard_error):
        record["standard_error"] = None
    return record


def write_report(
    directory: RunDirectory,
    recipe: Recipe,
    model: Model,
    drawn: Samples,
    *,
    estimates: list[dict[str, Any]],
    environment: Mapping[str, Any],
    facts: Mapping[str, str],
    console: Console,
) -> list[Path]:
    """Write the reports of the recipe; returns the files, the one to open first at the head.

    A report that the recipe does not name is there because it is installed: where its plugin fails, that is told, and
    the run goes on without it.

    Raises:
        PluginError: a report that the recipe names failed.
    """
    chosen = selected_reports(recipe)
    if not chosen:
        console.line("no report: install si-report for plots and report.html")
        return []
    if drawn.log_weights is not None:
        size, count = effective_sample_size(drawn.log_weights), len(drawn.x)
        facts = {
            **facts,
            "samples": f"resampled by their weights, of an effective sample size of {size:.0f} in {count}",
        }
    view = run_view(
        directory,
        recipe,
        model,
        drawn.without_weights(recipe.seed),
        condition=drawn.condition,
        metrics=read_metrics(directory.metrics),
        estimates=estimates,
        environment=environment,
        facts=facts,
    )
    for note in view.notes:
        console.warn(note)
    files: list[Path] = []
    for selection in chosen:
        try:
            with attributed(OSError):
                made = selection.instance or build(selection.kind, selection.qualified, **buildable_options(selection))
                files += made.write(view)
        except PluginError as error:
            if recipe.section("report"):
                raise
            console.warn(f"no report {selection.qualified}, which is installed but not named in the recipe: {error}")
    if files:
        console.line(f"report: {files[0]}")
    return files


def selected_reports(recipe: Recipe) -> tuple[Selection, ...]:
    """The reports that a recipe selects; where it selects none by name, every installed one.

    Raises:
        RecipeError: one report twice, which would write over its own files.
    """
    seen: set[str] = set()
    for index, selection in enumerate(recipe.section("report")):
        if selection.qualified in seen:
            raise RecipeError(
                f"the report {selection.name!r} is selected twice, and would write over its own files",
                where=recipe.where(f"report.{index}"),
                fix="keep one of them",
            )
        seen.add(selection.qualified)
    every = (Selection("report", f"{item.plugin.distribution}/{item.component.name}") for item in available("report"))
    return recipe.section("report") or tuple(every)
