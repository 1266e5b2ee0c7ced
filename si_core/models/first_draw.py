"""The first draw of a process: its data are looked at before anything is trained on them."""

from __future__ import annotations

from si_core.contract.clock import Clock
from si_core.contract.condition import check_classes, check_condition
from si_core.contract.data import Draw
from si_core.discovery.first_calls import first_calls_watched
from si_core.models.missing_conditions import refuse_missing_conditions
from si_core.models.parts import located
from si_core.models.predictor import dropout_of
from si_core.models.streams import generator
from si_core.process.checked_pairs import check_weights
from si_core.process.process import StochasticInterpolant
from si_core.recipes.recipe import Recipe

__all__ = ["calls_of", "first_draw"]

_PAIRS = 256
"""The pairs whose weights are looked at."""


def calls_of(process: StochasticInterpolant) -> list[tuple[object, str]]:
    """The methods of a process's parts that a draw calls."""
    ends = [(end, method) for end in (process.source, process.target) for method in ("sample", "draw", "rows")]
    return [*ends, (process.coupling, "pair"), (process.coupling, "draw"), (process.latent, "sample")]


def first_draw(recipe: Recipe, process: StochasticInterpolant, clock: Clock) -> Draw:
    """Two draws of a recipe's process, after a look at its conditions and weights.

    Raises:
        RecipeError: a coupling whose pairs are none, with its position.
        DataError: data that lack a condition which training does not leave out.
    """
    with located(recipe, "coupling"), first_calls_watched(calls_of(process)):
        draw = process.draw(2, generator(0, "initialisation"), clock=clock)
        check_condition(process.conditions, draw.condition, 2, "draws of the process")
        check_classes(process.conditions, draw.condition or {})
        if draw.weight is not None:
            check_weights(process.coupling, process.pairs(_PAIRS, generator(0, "initialisation")).weight)
    with located(recipe, "target"):
        refuse_missing_conditions(process, dropout_of(recipe, process))
    return draw
