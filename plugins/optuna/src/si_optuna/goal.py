"""What a search is for: a number of each run that is to be least, or greatest."""

from __future__ import annotations

import math
from dataclasses import dataclass

from si_core import NumericsError, RecipeError, UsageError
from si_core.public.recipes import Recipe
from si_core.public.runs import RunDirectory, read_estimates
from si_core.public.storage import read_metrics

__all__ = ["VALIDATION", "Goal"]

VALIDATION = "validation"
"""The loss on the rows that the target holds out, of the last record."""


@dataclass(frozen=True)
class Goal:
    """A number of a run.

    Args:
        name: of an estimate, or ``validation``.
        maximise: whether the greatest is wanted.
    """

    name: str
    maximise: bool = False

    @classmethod
    def of(cls, minimise: str | None, maximise: str | None, recipe: Recipe) -> Goal:
        """The goal that is named, or the recipe's only estimator.

        Raises:
            UsageError: both are named, or none where there is a choice.
            RecipeError: no estimator of the recipe has the name.
        """
        names = [selection.name for selection in recipe.section("estimators")]
        if minimise is not None and maximise is not None:
            got = f"minimise {minimise!r} and maximise {maximise!r}"
            raise UsageError("a search has one goal", where="search", got=got, fix="leave one out")
        chosen = minimise if maximise is None else maximise
        if chosen is None and len(set(names)) == 1:
            return cls(names[0])
        if chosen is None:
            allowed = ", ".join(dict.fromkeys([*names, VALIDATION]))
            raise UsageError("what is the search for?", where="search", allowed=allowed, fix="--minimise NAME")
        if chosen not in (*names, VALIDATION):
            allowed = ", ".join(dict.fromkeys([*names, VALIDATION]))
            fix = "add it to the recipe's estimators"
            raise RecipeError("no estimator has this name", where="search", got=repr(chosen), allowed=allowed, fix=fix)
        return cls(chosen, maximise is not None)

    def value(self, run: RunDirectory) -> float:
        """The number of a finished run.

        Raises:
            UsageError: it was not measured.
            NumericsError: it is not finite.
        """
        if self.name == VALIDATION:
            records = [record for record in read_metrics(run.metrics) if VALIDATION in record]
            found = [float(record[VALIDATION]["total"]) for record in records[-1:]]
        else:
            found = [float(each["value"]) for each in read_estimates(run.estimates) or () if each["name"] == self.name]
        if not found:
            fix = "a target with held_out > 0" if self.name == VALIDATION else "an estimator of this name"
            raise UsageError(f"the run has no {self.name}", where=str(run.path), fix=fix)
        if not math.isfinite(found[0]):
            raise NumericsError(f"{self.name} is not finite", where=str(run.path), got=found[0])
        return found[0]
