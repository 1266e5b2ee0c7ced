"""The section ``sweep`` of a recipe: what a sweep goes through.

A recipe with such a section is many runs: :mod:`si_sweeps.plan` makes each a recipe of its own, without the section,
so what is built here is built only where one run is asked for, and then it refuses.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import Annotated, Any

from pydantic import Field

from si_core import RecipeError
from si_core.public.recipes import Recipe

__all__ = ["Grid", "Sweep"]


class Sweep(ABC):
    """What a sweep goes through. Subclasses name the keys that change."""

    @abstractmethod
    def keys(self) -> Iterable[str]:
        """The dotted keys that change from run to run."""

    def before_run(self, recipe: Recipe) -> None:
        """Refuse to be one run.

        Raises:
            RecipeError: always.
        """
        raise RecipeError(
            "this recipe is a sweep: one run for each combination of values",
            where=recipe.where("sweep"),
            got=f"values for {', '.join(self.keys())}",
            fix="`si sweep` in place of `si run`, or add `sweep=null` for one run without the grid",
        )


class Grid(Sweep):
    """Every combination of the values of dotted keys; keys joined by commas change together.

    Args:
        axes: a list of values for each key.
    """

    def __init__(self, **axes: Annotated[list[Any], Field(min_length=1, description="a list of values")]) -> None:
        self.axes = axes

    def keys(self) -> Iterable[str]:
        """The keys of its axes."""
        return self.axes
