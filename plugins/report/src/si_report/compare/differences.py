"""In which keys the recipes of runs differ, with the value that each run has."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from si_core.public.recipes import differences

__all__ = ["ABSENT", "recipe_differences"]

PEOPLE = ("title", "meta")
"""What is for people alone."""
ABSENT = object()
"""Stands for the value of a key that a recipe lacks."""


def recipe_differences(recipes: Sequence[Mapping[str, Any]]) -> list[tuple[str, list[Any]]]:
    """The dotted keys in which recipes differ, and for each the values, one for each recipe.

    Another component is one difference, with its options; a recipe that is empty is not known, and differs in nothing.
    """
    known = [recipe for recipe in recipes if recipe]
    if not known:
        return []
    keys = {key for other in known[1:] for key, _, _ in differences(dict(known[0]), dict(other))}
    # Where one run has another component, the options that two others differ in are told with the whole.
    outer = [key for key in keys if not any(key.startswith(f"{above}.") for above in keys)]
    order = list(dict.fromkeys(key for recipe in known for key in recipe))
    outer = [key for key in outer if key.split(".")[0] not in PEOPLE]
    outer.sort(key=lambda key: (order.index(key.split(".")[0]), key))
    return [(key, [_value(recipe, key.split(".")) if recipe else ABSENT for recipe in recipes]) for key in outer]


def _value(found: Any, parts: Sequence[str]) -> Any:
    """The value at a key."""
    for place, part in enumerate(parts):
        rest = ".".join(parts[place:])
        if isinstance(found, Mapping) and rest in found:
            return found[rest]  # a key with a dot in it, such as those of a grid
        if isinstance(found, Mapping) and part in found:
            found = found[part]
        elif isinstance(found, list) and part.isdecimal() and int(part) < len(found):
            found = found[int(part)]
        else:
            return ABSENT
    return found
