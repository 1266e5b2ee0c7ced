"""What changed between two resolved recipes, for a run that is to be resumed with another one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

__all__ = ["ABSENT", "differences"]


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


def _compare(path: str, old: Any, new: Any) -> Iterator[tuple[str, Any, Any]]:
    if isinstance(old, dict) and isinstance(new, dict) and old.get("use") == new.get("use"):
        for key in dict.fromkeys([*old, *new]):
            yield from _compare(f"{path}.{key}" if path else key, old.get(key, ABSENT), new.get(key, ABSENT))
    elif isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        for index, (before, after) in enumerate(zip(old, new, strict=True)):
            yield from _compare(f"{path}.{index}", before, after)
    elif type(old) is not type(new) or old != new:
        yield path, old, new
