"""Arguments about keys of a recipe, from a command line or a dictionary: each key once, all problems at once."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from collections.abc import Mapping as Map
from typing import Any, Protocol, TypeVar

from si_core.errors import RecipeError, SIError
from si_core.recipes.nodes import Path, Where, dotted
from si_core.recipes.problems import fail

__all__ = ["parse_arguments"]


class Argument(Protocol):
    """What an argument says of one key."""

    @property
    def where(self) -> Where:
        """Where it was given."""

    @property
    def path(self) -> Path:
        """The key."""


Parsed = TypeVar("Parsed", bound=Argument)


def parse_arguments(
    given: Iterable[str] | Map[str, Any],
    from_text: Callable[[Any, int], Parsed],
    from_item: Callable[[Any, Any], Parsed],
) -> list[Parsed]:
    """The arguments of a command line, or the items of a dictionary, each key once; all problems at once.

    Args:
        given: ``KEY=...`` texts, or a dictionary.
        from_text: reads a text with its number, from 1.
        from_item: reads an item of a dictionary.

    Raises:
        RecipeError: what the readers raise, or the same key twice.
    """
    parsed: list[Parsed] = []
    problems: list[SIError] = []
    items: Iterable[Any] = given.items() if isinstance(given, Map) else given
    for index, item in enumerate(items, start=1):
        try:
            argument = from_item(*item) if isinstance(given, Map) else from_text(item, index)
            for other in parsed:
                if other.path == argument.path:
                    problem = f"{dotted(other.path)!r} is given twice, also by {other.where}"
                    raise RecipeError(problem, where=str(argument.where))
            parsed.append(argument)
        except SIError as error:
            problems.append(error)
    fail(problems)
    return parsed
