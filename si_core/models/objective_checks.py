"""What an objective may ask of a recipe, and what its loss has to be."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from si_core.contract.answers import form_of, misbehaved
from si_core.contract.objective import Objective
from si_core.errors import RecipeError
from si_core.recipes.recipe import Recipe
from si_core.recipes.training import ImportanceTimes

__all__ = ["check_calls", "check_loss"]


def check_calls(recipe: Recipe, objectives: list[Objective]) -> bool:
    """Whether an objective calls the network itself, which leaves out what watches or changes its one call.

    Raises:
        RecipeError: the recipe asks for that, or a field of two times is not the velocity.
    """
    calling = [i for i, objective in enumerate(objectives) if objective.calls_network]
    for i in calling:
        objective = objectives[i]
        if objective.two_times and objective.field != "velocity":
            raise RecipeError(
                "a field of two times is the mean velocity between them",
                where=recipe.where(f"objectives.{i}"),
                got=f"field {objective.field!r} of {type(objective).__name__}",
                fix='field = "velocity"',
            )
        refused = {
            "train.times": isinstance(recipe.train.times, ImportanceTimes),
            # A compiled network can't be differentiated in t.
            "train.compile": recipe.train.compile and type(objective).loss_of is not Objective.loss_of,
        }
        for key, asked in refused.items():
            if asked:
                raise RecipeError(
                    f"objective {recipe.objectives[i].name!r} calls the network itself, and {key} is of its one call",
                    where=recipe.where(key),
                    fix=f"leave {key} out",
                )
    return bool(calling)


def check_loss(objective: Objective, loss: Any, draws: int) -> None:
    """Refuse a loss that is not one number for each draw.

    Raises:
        PluginError: says what it is instead.
    """
    # A mean, or one number for each coordinate, would be weighted wrongly without a word.
    if not isinstance(loss, Tensor) or tuple(loss.shape) != (draws,):
        raise misbehaved(
            objective,
            "loss_of" if objective.calls_network else "loss",
            "a loss is one number for each draw, summed over the event",
            got=form_of(loss),
            allowed=f"a tensor of shape ({draws},)",
        )
