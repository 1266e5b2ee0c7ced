"""Several problems in one error: a user mends a recipe in one go, not one message at a time."""

from __future__ import annotations

from collections.abc import Sequence

from si_core.errors import PluginError, RecipeError, SIError

__all__ = ["MOST", "PluginErrors", "RecipeErrors", "fail"]

MOST = 10
"""Problems shown together; the rest is counted."""


class _Several(SIError):
    """An error made of others: ``errors`` holds them, the message is one block for each."""

    def __init__(self, errors: Sequence[SIError]) -> None:
        self.errors = tuple(errors)
        first = self.errors[0]
        super().__init__(first.problem, where=first.where, got=first.got, allowed=first.allowed, fix=first.fix)

    def __str__(self) -> str:
        blocks = [str(error) for error in self.errors[:MOST]]
        if len(self.errors) > MOST:
            blocks.append(f"and {len(self.errors) - MOST} more")
        return "\n".join(blocks)

    def __reduce__(self) -> tuple[type[_Several], tuple[tuple[SIError, ...]]]:
        return type(self), (self.errors,)


class RecipeErrors(_Several, RecipeError):
    """Several problems of one recipe."""


class PluginErrors(_Several, PluginError):
    """Several problems of a recipe, each one with an installed plugin."""


def fail(problems: Sequence[SIError]) -> None:
    """Raise the problems together, or return when there are none.

    A mistake in the recipe comes first: the exit code is a plugin's (5) only when nothing else is wrong.
    """
    if not problems:
        return
    if len(problems) == 1:
        raise problems[0]
    if all(isinstance(problem, PluginError) for problem in problems):
        raise PluginErrors(problems)
    raise RecipeErrors(problems)
