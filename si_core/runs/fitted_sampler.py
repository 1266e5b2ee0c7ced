"""What a recipe wants measured on the trained model before it is sampled: its noise level, and its clock."""

from __future__ import annotations

from si_core.models.model import Model
from si_core.recipes.recipe import Recipe
from si_core.recipes.selection import Selection
from si_core.runs.directory import RunDirectory
from si_core.runs.noise_level import fit_noise_level
from si_core.runs.sampling_clock import fit_clock

__all__ = ["fitted_sampler"]


def fitted_sampler(directory: RunDirectory | None, recipe: Recipe, model: Model) -> Model:
    """The model with the noise level and the clock that its recipe wants measured on it.

    Args:
        directory: the run's folder, where they are kept; None to keep them nowhere.
        recipe: the recipe.
        model: the trained model.
    """
    model = fit_noise_level(directory, model, recipe.sample.epsilon, recipe.seed)
    clock = recipe.sample.clock
    if isinstance(clock, Selection) and not clock.in_memory:
        model = fit_clock(directory, model, clock.qualified, recipe.seed)
    return model
