"""The dimensions of a search: a key of the recipe each, with choices or a range.

On the command line ``KEY=a,b,c`` is a list of choices, as for ``si sweep``, and a range is a mapping,
``KEY={low: 1e-4, high: 1e-2, log: true}``; in a recipe they stand in ``search.keys``.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from si_core import RecipeError
from si_core.public.recipes import Mapping as MappingNode
from si_core.public.recipes import (
    Override,
    Path,
    Recipe,
    Sequence,
    Where,
    dotted,
    inline,
    key_path,
    node_at,
    parse_overrides,
    plain,
    read,
    split_argument,
)

__all__ = ["Dimension", "Range", "from_arguments", "from_recipe"]

_RANGE = {"low", "high", "log", "step"}


@dataclass(frozen=True)
class Range:
    """Numbers from low to high, both included; whole ones where both are.

    Args:
        low: the least.
        high: the greatest.
        log: whether orders of magnitude are equally likely.
        step: between neighbours; None for all numbers.
    """

    low: float
    high: float
    log: bool = False
    step: float | None = None

    def suggest(self, trial: Any, key: str) -> float | int:
        """The value that an Optuna trial takes."""
        if isinstance(self.low, int) and isinstance(self.high, int) and isinstance(self.step, int | None):
            return int(trial.suggest_int(key, self.low, self.high, step=self.step or 1, log=self.log))
        return float(trial.suggest_float(key, self.low, self.high, step=self.step, log=self.log))


@dataclass(frozen=True)
class Dimension:
    """A key with what it may be.

    Args:
        where: where it was given.
        path: the key.
        values: a range, or choices as plain data.
    """

    where: Where
    path: Path
    values: Range | tuple[Any, ...]

    @property
    def key(self) -> str:
        """The key, dotted."""
        return dotted(self.path)

    def suggest(self, trial: Any) -> Any:
        """The value that an Optuna trial takes; Optuna knows choices by their texts."""
        if isinstance(self.values, Range):
            return self.values.suggest(trial, self.key)
        texts = {inline(value): value for value in self.values}
        return texts[trial.suggest_categorical(self.key, list(texts))]

    def override(self, value: Any) -> Override:
        """The change of the recipe that gives the key a value."""
        (made,) = parse_overrides({self.key: value})
        return made

    def plain(self) -> Any:
        """What it may be, as in ``search.keys``."""
        if not isinstance(self.values, Range):
            return list(self.values)
        given = {"low": self.values.low, "high": self.values.high}
        further = {"log": self.values.log or None, "step": self.values.step}
        return given | {name: value for name, value in further.items() if value is not None}


def from_recipe(recipe: Recipe) -> list[Dimension]:
    """The dimensions of a recipe's ``search.keys``; none where it has none.

    Raises:
        RecipeError: an impossible key, no choice, or a range that is none; with the position in the file.
    """
    node = node_at(recipe.root, ("search", "keys"))
    entries = node.entries.items() if isinstance(node, MappingNode) else ()
    return [_dimension(entry.where, key_path(key, entry.where), plain(entry.node)) for key, entry in entries]


def from_arguments(given: Iterable[str]) -> list[Dimension]:
    """The dimensions of ``KEY=...`` texts.

    Raises:
        RecipeError: as for :func:`from_recipe`; bad YAML.
    """
    found = []
    for index, argument in enumerate(given):
        where, path, text = split_argument(argument, index)
        node = read(f"[{text}]", str(where), argument=True)
        values = plain(node) if isinstance(node, Sequence) else None
        alone = isinstance(values, list) and len(values) == 1 and isinstance(values[0], list | dict)
        if isinstance(values, list) and alone and (isinstance(values[0], list) or _is_range(values[0])):
            values = values[0]
        found.append(_dimension(where, path, values))
    return found


def _is_range(given: Any) -> bool:
    return isinstance(given, Mapping) and {"low", "high"} & set(given) != set()


def _dimension(where: Where, path: Path, given: Any) -> Dimension:
    key = dotted(path)
    if path[0] in ("search", "sweep"):
        problem = f"a search goes through keys of one run, and {key!r} is none"
        raise RecipeError(problem, where=str(where), allowed="any other key of a recipe")
    if _is_range(given):
        return Dimension(where, path, _range(given, key, where))
    if not isinstance(given, list) or not given:
        fix = f"{key}=VALUE,VALUE or {key}={{low: NUMBER, high: NUMBER}}"
        raise RecipeError(f"{key!r} needs choices or a range", where=str(where), got=repr(given), fix=fix)
    if len({inline(value) for value in given}) < len(given):
        raise RecipeError(f"a choice of {key!r} stands twice", where=str(where), fix="keep one of them")
    return Dimension(where, path, tuple(given))


def _range(given: Mapping[str, Any], key: str, where: Where) -> Range:
    form = "{low: NUMBER, high: NUMBER, log: true, step: NUMBER}, with low below high"
    numbers = [given[name] for name in ("low", "high", "step") if given.get(name) is not None]
    right = set(given) <= _RANGE and {"low", "high"} <= set(given) and isinstance(given.get("log", False), bool)
    right = right and all(isinstance(one, int | float) and not isinstance(one, bool) for one in numbers)
    if not right or not all(map(math.isfinite, numbers)) or not given["low"] < given["high"]:
        raise RecipeError(f"{key!r} has a range that is none", where=str(where), got=repr(dict(given)), allowed=form)
    made = Range(given["low"], given["high"], given.get("log", False), given.get("step"))
    if made.log and (made.low <= 0 or made.step is not None):
        problem = f"{key!r}: orders of magnitude are those of positive numbers, without a step"
        raise RecipeError(problem, where=str(where), got=repr(dict(given)), allowed="log: true with low > 0")
    if made.step is not None and made.step <= 0:
        raise RecipeError(f"{key!r}: a step is positive", where=str(where), got=repr(made.step))
    return made
