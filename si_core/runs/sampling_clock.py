"""Clocks of sampling that are fitted to the trained model and kept with it in ``clock.json``."""

from __future__ import annotations

from functools import partial

from si_core.contract.clock import Clock
from si_core.models.model import Model
from si_core.models.sampler_parts import build_clock
from si_core.process.process import StochasticInterpolant
from si_core.recipes.recipe import Recipe
from si_core.runs.directory import RunDirectory
from si_core.runs.stored_options import keep_options, stored_component

__all__ = ["fit_clock", "stored_clock"]


def fit_clock(directory: RunDirectory | None, model: Model, name: str, seed: int) -> Model:
    """The model with its clock fitted, where that depends on the model.

    Args:
        directory: the run's folder, where it is kept; None to keep it nowhere.
        model: the trained model, with the noise level, the span and the method that it samples with.
        name: the clock that was asked for.
        seed: of what is drawn to measure.
    """
    options = model.clock.fitted(model, seed) if isinstance(model.clock, Clock) else None
    if options is None:
        return model
    if directory is not None:
        keep_options(directory.clock, "clock", name, options, model.recipe)
    return model.with_sampler(clock=build_clock(name, model.process, **options))


def stored_clock(
    directory: RunDirectory, name: str, process: StochasticInterpolant, recipe: Recipe | None
) -> Clock | None:
    """What :func:`fit_clock` kept for a clock of this name, or None.

    Raises:
        StorageError: the file is damaged, of another run than that of the recipe, or gone.
    """
    build = partial(build_clock, name, process)
    return stored_component(directory.clock, "clock", name, recipe, build, f"remove it, and sample with --clock {name}")
