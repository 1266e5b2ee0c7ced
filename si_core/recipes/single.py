"""A recipe that is to be one run."""

from __future__ import annotations

from si_core.errors import RecipeError
from si_core.recipes.recipe import Recipe

__all__ = ["refuse_sweep"]


def refuse_sweep(recipe: Recipe) -> None:
    """Refuse a recipe that has a grid, where one run is asked for.

    Raises:
        RecipeError: the recipe has ``sweep``.
    """
    if recipe.sweep is not None:
        raise RecipeError(
            "this recipe is a sweep: one run for each combination of values",
            where=recipe.where("sweep"),
            got=f"values for {', '.join(recipe.sweep)}",
            fix="`si sweep` in place of `si run`, or add `sweep=null` for one run without the grid",
        )
