"""The plan of a sweep: the recipe of every point, each checked before the first one starts."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property, partial
from os import PathLike
from typing import Any

from si_core import SIError, UsageError
from si_core.public.recipes import Path, Recipe, changed, emit, fail, inline, parse_overrides
from si_core.public.runs import training_part
from si_sweeps.axes import Axis, combinations, joined, parse_axes, recipe_axes

__all__ = ["Point", "SweepPlan", "plan_sweep"]


@dataclass(frozen=True)
class Point:
    """One combination of values.

    Args:
        index: its place in the sweep, from 0.
        values: the value of each axis as given, by dotted key.
        recipe: the recipe with these values, and without the grid.
    """

    index: int
    values: dict[str, Any]
    recipe: Recipe

    @property
    def label(self) -> str:
        """The values in one line: ``latent.scale=2 sample.epsilon=0.5``."""
        return " ".join(f"{key}={inline(value)}" for key, value in self.values.items())

    @cached_property
    def training(self) -> str:
        """A mark of all that enters training: points with equal marks get equal weights, bit for bit."""
        data = training_part(self.recipe.resolved())
        return hashlib.sha256(json.dumps(data, sort_keys=True, allow_nan=False).encode()).hexdigest()


@dataclass(frozen=True)
class SweepPlan:
    """A recipe, the axes of its grid, and a point for each combination of values, the last axis fastest."""

    recipe: Recipe
    axes: tuple[Axis, ...]
    points: tuple[Point, ...]

    def resolved(self) -> dict[str, Any]:
        """The complete recipe with all axes as its grid; as a recipe with the same base it is this sweep."""
        sizes = [len(axis.nodes) for axis in self.axes]
        grid = {}
        for number, axis in enumerate(self.axes):
            # The point that has this value, and the first one on every other axis.
            stride = math.prod(sizes[number + 1 :])
            grid[axis.grid_key] = [
                axis.settled(node, partial(_at, self.points[place * stride].recipe.resolved()))
                for place, node in enumerate(axis.nodes)
            ]
        return self.recipe.resolved() | {"sweep": {"use": "si-sweeps/grid", **grid}}

    def dump(self, folder: str | PathLike[str]) -> str:
        """:meth:`resolved` as YAML text for a file in this folder, from where it is this sweep."""
        origins = (one.origin(folder) for one in (self.recipe, *(point.recipe for point in self.points)))
        return emit(next((origin for origin in origins if origin), {}) | self.resolved())


def plan_sweep(recipe: Recipe, axes: Iterable[str] | Mapping[str, Iterable[Any]] = ()) -> SweepPlan:
    """Plan a sweep over the grid of a recipe and further axes, whose values replace those of an equal key.

    Raises:
        RecipeError: an axis that is none, or a point whose recipe is wrong; with all that is wrong.
        UsageError: no axis at all.
        PluginError: a component of a point belongs to a plugin that is broken, incompatible or in a clash.
    """
    given = joined(recipe_axes(recipe), parse_axes(axes))
    if not given:
        raise UsageError(
            "a sweep needs an axis: a key with its values",
            where=str(recipe.path),
            fix="add KEY=VALUE,VALUE such as seed=1,2,3, or `sweep: {seed: [1, 2, 3]}` to the recipe",
        )
    points: list[Point] = []
    problems: dict[str, SIError] = {}
    for index, nodes in enumerate(combinations(given)):
        # A whole section beside one of its keys: the key is meant to win, as among overrides.
        chosen = [one for axis, node in zip(given, nodes, strict=True) for one in axis.changes(node)]
        changes = [*parse_overrides({"sweep": None}), *sorted(chosen, key=lambda one: len(one.path))]
        try:
            one = changed(recipe, changes)
        except SIError as error:
            problems |= {str(each): each for each in getattr(error, "errors", [error])}
        else:
            values = {axis.key: axis.value(node) for axis, node in zip(given, nodes, strict=True)}
            points.append(Point(index, values, one))
    fail(list(problems.values()))
    return SweepPlan(recipe, given, tuple(points))


def _at(data: Any, path: Path) -> Any:
    """What a resolved recipe has at a path; None where it has nothing."""
    for part in path:
        known = isinstance(data, dict) and part in data
        listed = isinstance(data, list) and isinstance(part, int) and part < len(data)
        data = data[part] if known or listed else None
    return data
