"""Noise levels that are measured on the trained model, and kept with it in ``diffusion.json``."""

from __future__ import annotations

from functools import partial

from si_core.contract.diffusion import Diffusion
from si_core.models.model import Model
from si_core.models.sampler_parts import build_diffusion
from si_core.process.process import StochasticInterpolant
from si_core.recipes.recipe import Recipe
from si_core.recipes.selection import Selection
from si_core.runs.directory import RunDirectory
from si_core.runs.stored_options import keep_options, stored_component

__all__ = ["fit_noise_level", "stored_noise_level"]


def fit_noise_level(directory: RunDirectory | None, model: Model, chosen: Selection | float, seed: int) -> Model:
    """The model with its noise level measured, where that depends on the model; an object in memory is as it is.

    Args:
        directory: the run's folder, where it is kept; None to keep it nowhere.
        model: the trained model.
        chosen: the noise level that was asked for.
        seed: of what is drawn to measure.
    """
    if not isinstance(model.epsilon, Diffusion) or not isinstance(chosen, Selection) or chosen.in_memory:
        return model
    # Of the errors that were learned; what guidance changes is meant.
    options = model.epsilon.fitted(model.with_guidance(()), seed)
    if options is None:
        return model
    if directory is not None:
        keep_options(directory.diffusion, "diffusion", chosen.qualified, options, model.recipe)
    return model.with_sampler(epsilon=build_diffusion(chosen.qualified, model.process, **options))


def stored_noise_level(
    directory: RunDirectory, name: str, process: StochasticInterpolant, recipe: Recipe | None
) -> Diffusion | None:
    """What :func:`fit_noise_level` kept for a schedule of this name, or None.

    Raises:
        StorageError: the file is damaged, of another run than that of the recipe, or gone.
    """
    build = partial(build_diffusion, name, process)
    return stored_component(
        directory.diffusion, "diffusion", name, recipe, build, f"remove it, and sample with --epsilon {name}"
    )
