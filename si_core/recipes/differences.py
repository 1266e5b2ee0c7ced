"""What changed between two resolved recipes, for a run that is to be resumed with another one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from si_core.recipes.loader import told_from
from si_core.recipes.recipe import Recipe

__all__ = ["ABSENT", "differences", "recipe_differences"]


class _Absent:
    def __repr__(self) -> str:
        return "absent"


ABSENT = _Absent()
"""Stands for the value of a key that one of the two recipes lacks."""


def differences(old: dict[str, Any], new: dict[str, Any]) -> list[tuple[str, Any, Any]]:
    """The keys that differ, as ``(dotted key, old value, new value)``, in the order of the recipes.

    Another component is one difference, its options are not told apart; lists of unequal length are one as well.
    """
    return list(_compare("", old, new))


def recipe_differences(old: Recipe, new: Recipe) -> list[tuple[str, Any, Any]]:
    """The :func:`differences` of two recipes; paths are equal in equal words, or where they lead to the same place.

    In equal words: a project that was moved as a whole has its data in another place.
    """
    found = differences(old.resolved(), new.resolved())
    if not found or old.base == new.base:
        return found
    led = {key for key, _, _ in differences(old.resolved(), told_from(new, old.base).resolved())}
    return [difference for difference in found if difference[0] in led]


def _compare(path: str, old: Any, new: Any) -> Iterator[tuple[str, Any, Any]]:
    if isinstance(old, dict) and isinstance(new, dict) and old.get("use") == new.get("use"):
        for key in dict.fromkeys([*old, *new]):
            yield from _compare(f"{path}.{key}" if path else key, old.get(key, ABSENT), new.get(key, ABSENT))
    elif isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        for index, (before, after) in enumerate(zip(old, new, strict=True)):
            yield from _compare(f"{path}.{index}", before, after)
    elif type(old) is not type(new) or old != new:
        yield path, old, new
