"""The section ``search`` of a recipe: which keys are searched, and what for.

A recipe with such a section is many runs, each made without it by :mod:`.search`; so what is built here is built only
where one run is asked for, and then it refuses.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field

from si_core import Largest, RecipeError
from si_core.public.recipes import Recipe

__all__ = ["TRIALS", "Sampler", "Search", "Space"]

TRIALS = 10_000
"""The most trials of one search."""

Sampler = Literal["tpe", "random"]


class Search(ABC):
    """What a search goes through. Subclasses name the keys that change."""

    @abstractmethod
    def searched(self) -> Mapping[str, Any]:
        """The dotted keys that change from run to run, with what they may be."""

    def before_run(self, recipe: Recipe) -> None:
        """Refuse to be one run.

        Raises:
            RecipeError: always.
        """
        raise RecipeError(
            "this recipe is a search: many runs, each with values of its own",
            where=recipe.where("search"),
            got=f"values for {', '.join(self.searched()) or 'no key'}",
            fix="`si search` in place of `si run`, or add `search=null` for one run without it",
        )


class Space(Search):
    """Ranges and choices of dotted keys, for the least or the greatest value of an estimate.

    Args:
        keys: by dotted key a list of choices, or a range ``{low: 1e-4, high: 1e-2, log: true}``, of whole numbers where
            both ends are; ``step`` makes it a grid.
        minimise: the estimate whose value is to be least, by its name; or ``validation``, the loss on held-out rows.
        maximise: the estimate whose value is to be greatest, in place of ``minimise``.
        trials: how many runs.
        sampler: tpe, the tree-structured Parzen estimator, or random.
        seed: of the values that are tried.
    """

    def __init__(
        self,
        keys: dict[str, Any] | None = None,
        minimise: str | None = None,
        maximise: str | None = None,
        trials: Annotated[int, Field(ge=1, le=TRIALS)] = 20,
        sampler: Sampler = "tpe",
        seed: Annotated[int, Field(ge=0, le=Largest.SEED)] = 0,
    ) -> None:
        self.keys = keys or {}
        self.minimise, self.maximise, self.trials, self.sampler, self.seed = minimise, maximise, trials, sampler, seed

    def searched(self) -> Mapping[str, Any]:
        """Its keys."""
        return self.keys
