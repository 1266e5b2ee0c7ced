"""The names of classes that are numbers: as a person writes them, however the file does.

``numpy.savetxt`` writes the label 0 as ``0.000000000000000000e+00``, a data frame as ``0.0``. The rule, for a column of
labels as a whole: where all of them are numbers, whole ones below 2^53 are named without a point (``0``, ``-1``), all
others by the shortest decimal number that reads back as the same double (``1.5``, ``1e-05``), in rising order. A column
stays as it is written where one label is no number, one is a code with a leading zero (``01``), or two would get one
name (``1.1`` and ``1.10``).

A class is found by its name, else by any other spelling of its number (``0``, ``0.0``, ``0e0``), if no second class
has that number.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

__all__ = ["ClassFinder", "class_names", "number_of"]

_NUMBER = re.compile(r"[+-]?(?!0[0-9])([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")
_WHOLE = re.compile(r"[+-]?[0-9]+")
_LONGEST = 400  # letters of a number: none that is finite needs more
_EXACT = 2**53  # whole numbers up to here are exact as doubles


def number_of(spelling: str) -> int | float | None:
    """The number that a text spells; None for anything else, also for a code with a leading zero."""
    if len(spelling) > _LONGEST or not _NUMBER.fullmatch(spelling):
        return None
    if _WHOLE.fullmatch(spelling):
        return int(spelling)
    number = float(spelling)
    return int(number) if number.is_integer() and abs(number) < _EXACT else number


def class_names(spellings: Sequence[str]) -> tuple[tuple[str, ...], tuple[int, ...]]:
    """The names of classes by the rule above, and the place of each spelling among them.

    Args:
        spellings: the distinct labels, as the file has them.
    """
    numbers = [number_of(spelling) for spelling in spellings]
    if None in numbers or len(set(numbers)) < len(numbers):
        return tuple(spellings), tuple(range(len(spellings)))
    order = sorted(range(len(spellings)), key=lambda i: numbers[i])  # type: ignore[arg-type,return-value]
    places = dict(zip(order, range(len(order)), strict=True))
    return tuple(str(numbers[i]) for i in order), tuple(places[i] for i in range(len(order)))


class ClassFinder:
    """Finds classes by what people call them.

    Args:
        classes: their names.
    """

    def __init__(self, classes: Sequence[str]) -> None:
        self._names = {name: place for place, name in enumerate(classes)}
        self._numbers: dict[int | float, list[int]] = {}
        for name, place in self._names.items():
            number = number_of(name)
            if number is not None:
                self._numbers.setdefault(number, []).append(place)

    def place(self, called: object) -> int | None:
        """The place of a class among all; None for what no class, or more than one, is called."""
        text = str(called)
        if text in self._names:
            return self._names[text]
        number = number_of(text)
        found = [] if number is None else self._numbers.get(number, [])
        return found[0] if len(found) == 1 else None
