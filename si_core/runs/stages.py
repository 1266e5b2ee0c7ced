"""What a run does after training: samples and estimates, each into the run's folder.

All of it is a function of the trained weights and the recipe's seed, so nothing of it needs a checkpoint: a run that
was stopped here does it again and gets the same bits.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import asdict, replace
from typing import Any

from si_core.contract.data import Estimate
from si_core.contract.estimate_line import estimate_line
from si_core.contract.estimator import Estimator
from si_core.contract.panel import values_panel
from si_core.contract.together import alone, together
from si_core.models.estimation import estimate
from si_core.models.given_values import given_values
from si_core.models.missing_data import MissingDataError
from si_core.models.model import Model
from si_core.models.samples import Samples
from si_core.models.sampling import draw_samples
from si_core.process.completion import MARGIN
from si_core.recipes.recipe import Recipe
from si_core.runs.directory import RunDirectory
from si_core.runs.log import Console
from si_core.runs.sample_files import read_array, write_samples
from si_core.storage.atomic import write_atomic
from si_core.storage.strict_json import format_json

__all__ = [
    "draw",
    "estimate_record",
    "measure_into",
    "measured",
    "sample_into",
    "samples_again",
    "warn_of_frozen_ends",
    "warn_of_guidance",
]


def sample_into(directory: RunDirectory, recipe: Recipe, model: Model, console: Console) -> Samples:
    """Draw the samples that the recipe asks for, into ``samples.npy``; returns them with their conditions."""
    console.line(f"sampling {recipe.sample.number}")
    warn_of_frozen_ends(model, console)
    warn_of_guidance(model, console)
    samples = draw(recipe, model, console)
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
        return draw(recipe, model, console)
    except MissingDataError as error:
        if not directory.samples.is_file():
            raise
        console.warn(f"these are the samples that the run stored, without what they were given: {error}")
        weights = read_array(directory.weights).log() if directory.weights.is_file() else None
        return Samples(read_array(directory.samples), log_weights=weights)


def draw(recipe: Recipe, model: Model, console: Console) -> Samples:
    """The samples that a recipe asks for; processes that work together share their blocks."""
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


def warn_of_guidance(model: Model, console: Console) -> None:
    """Say where guidance leaves samples without the law that is meant."""
    if model.told_of_law is not None:
        console.warn(model.told_of_law)


def measure_into(
    directory: RunDirectory, recipe: Recipe, model: Model, estimators: Iterable[Estimator], console: Console
) -> list[dict[str, Any]]:
    """Measure what the recipe asks for, into ``estimates.json``, which grows with each number; returns the records."""
    records: list[dict[str, Any]] = []
    _store(directory, records)
    if recipe.estimators:
        console.progress(0, len(recipe.estimators), recipe.estimators[0].name)
    for result in measured(recipe, model, estimators):
        console.line(estimate_line(result))
        records.append(estimate_record(result))
        _store(directory, records)
        if len(records) < len(recipe.estimators):
            console.progress(len(records), len(recipe.estimators), recipe.estimators[len(records)].name)
    return records


def measured(recipe: Recipe, model: Model, estimators: Iterable[Estimator]) -> Iterator[Estimate]:
    """The estimates that a recipe asks for, one after another; processes that work together take one each at a time.

    Each is a function of the model and the recipe's seed, so it does not matter which of them made it.
    """
    processes, chosen = together(), list(estimators)
    if processes is None:
        for estimator in chosen:
            yield estimate(model, estimator, seed=recipe.seed)
        return
    for first in range(0, len(chosen), processes.world):
        own = chosen[first + processes.rank : first + processes.rank + 1]
        with alone():
            results = [estimate(model, estimator, seed=recipe.seed) for estimator in own]
        for others in processes.exchange(results):
            yield from others


def _store(directory: RunDirectory, records: list[dict[str, Any]]) -> None:
    write_atomic(directory.estimates, format_json(records, str(directory.estimates), indent=2))


def estimate_record(result: Estimate) -> dict[str, Any]:
    """An estimate as plain values; an error that is not finite is null.

    In place of the value of each sample stands how these are distributed, as a panel (:mod:`si_core.contract.panel`).
    """
    record = asdict(replace(result, per_sample=None))
    shown = None if result.per_sample is None else values_panel(result.per_sample, result.unit)
    record["per_sample"] = None if shown is None else shown.plain()
    if result.standard_error is not None and not math.isfinite(result.standard_error):
        record["standard_error"] = None
    return record
