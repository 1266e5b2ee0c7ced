"""The plan of a search: what it goes through, what it is for, and the recipe of each trial."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from os import PathLike
from typing import Any

from si_core import UsageError
from si_core.public.recipes import Recipe, changed, emit, parse_overrides
from si_optuna.dimensions import Dimension, Range, from_arguments, from_recipe
from si_optuna.goal import Goal
from si_optuna.space import Sampler

__all__ = ["SearchPlan", "plan_search"]


@dataclass(frozen=True)
class SearchPlan:
    """A search.

    Args:
        recipe: the recipe, with its section ``search`` where it has one.
        dimensions: what it goes through.
        goal: what it is for.
        trials: how many runs.
        sampler: how values are suggested.
        seed: of the values.
    """

    recipe: Recipe
    dimensions: tuple[Dimension, ...]
    goal: Goal
    trials: int
    sampler: Sampler
    seed: int

    def recipe_of(self, values: Mapping[str, Any]) -> Recipe:
        """The recipe of one run, without the search.

        Raises:
            RecipeError: the values make no recipe.
        """
        chosen = [one.override(values[one.key]) for one in self.dimensions]
        # A whole section beside one of its keys: the key is meant to win, as among overrides.
        changes = [*parse_overrides({"search": None}), *sorted(chosen, key=lambda one: len(one.path))]
        return changed(self.recipe, changes)

    def corners(self) -> Iterable[dict[str, Any]]:
        """Values that try each end and each choice once, beside the first ones of the others."""
        each = {one.key: _ends(one) for one in self.dimensions}
        first = {key: values[0] for key, values in each.items()}
        for key, values in each.items():
            for value in values:
                yield first | {key: value}

    def resolved(self) -> dict[str, Any]:
        """The complete recipe with this search as its section."""
        wanted = "maximise" if self.goal.maximise else "minimise"
        section = {
            "use": "si-optuna/space",
            "keys": {one.key: one.plain() for one in self.dimensions},
            wanted: self.goal.name,
            "trials": self.trials,
            "sampler": self.sampler,
            "seed": self.seed,
        }
        return self.recipe.resolved() | {"search": section}

    def dump(self, folder: str | PathLike[str]) -> str:
        """:meth:`resolved` as YAML text for a file in this folder, from where it is this search."""
        return emit(self.recipe.origin(folder) | self.resolved())


def plan_search(recipe: Recipe, given: Iterable[str] = (), **options: Any) -> SearchPlan:
    """Plan a search over the keys of a recipe's section and further ones, which replace equal keys.

    Args:
        recipe: the recipe.
        given: ``KEY=...`` texts.
        options: minimise, maximise, trials, sampler and seed in place of the section's; None for the section's.

    Raises:
        RecipeError: a dimension that is none; values at the ends that make no recipe; no such estimator.
        UsageError: no dimension, or no goal.
    """
    section = _options(recipe) | {name: value for name, value in options.items() if value is not None}
    if options.get("minimise") is not None or options.get("maximise") is not None:
        section |= {name: options.get(name) for name in ("minimise", "maximise")}
    dimensions = {one.path: one for one in (*from_recipe(recipe), *from_arguments(given))}
    if not dimensions:
        fix = "add KEY=VALUE,VALUE or 'KEY={low: NUMBER, high: NUMBER}', or search.keys to the recipe"
        raise UsageError("a search needs a key that changes", where=str(recipe.path), fix=fix)
    goal = Goal.of(section.get("minimise"), section.get("maximise"), recipe)
    plan = SearchPlan(recipe, tuple(dimensions.values()), goal, section["trials"], section["sampler"], section["seed"])
    for values in plan.corners():
        plan.recipe_of(values)
    return plan


def _options(recipe: Recipe) -> dict[str, Any]:
    defaults = {"trials": 20, "sampler": "tpe", "seed": 0}
    section = recipe.resolved().get("search")
    return defaults | ({} if section is None else dict(section))


def _ends(one: Dimension) -> list[Any]:
    return [one.values.low, one.values.high] if isinstance(one.values, Range) else list(one.values)
