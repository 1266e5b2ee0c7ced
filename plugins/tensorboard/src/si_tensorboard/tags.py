"""Records of a run as TensorBoard shows them: numbers by tag, and tables in Markdown."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

__all__ = ["estimates_table", "recipe_table", "scalars"]


def scalars(tag: str, value: Any) -> dict[str, float]:
    """The numbers in plain data by tag, ``tag/key/key``; what is no number is left out."""
    if isinstance(value, Mapping):
        return {name: number for key, item in value.items() for name, number in scalars(f"{tag}/{key}", item).items()}
    if isinstance(value, bool) or not isinstance(value, int | float):
        return {}
    return {tag: float(value)}


def recipe_table(recipe: Mapping[str, Any]) -> str:
    """A table of a recipe's keys, dotted as ``si run`` takes them, and their values as JSON."""
    return _table(("key", "value"), ((f"`{key}`", f"`{value}`") for key, value in _leaves(recipe, "")))


def estimates_table(estimates: Sequence[Mapping[str, Any]]) -> str:
    """A table of the records of ``estimates.json``."""
    rows = (
        (
            str(record["name"]),
            f"{record['value']:.6g}",
            "" if record.get("standard_error") is None else f"{record['standard_error']:.2g}",
            str(record.get("unit", "")),
            str(record.get("bound", "")),
        )
        for record in estimates
    )
    return _table(("estimate", "value", "standard error", "unit", "bound"), rows)


def _leaves(value: Any, key: str) -> list[tuple[str, str]]:
    if isinstance(value, Mapping) and value:
        return [leaf for name, item in value.items() for leaf in _leaves(item, f"{key}.{name}" if key else str(name))]
    return [(key, json.dumps(value, ensure_ascii=False))]


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    # A bar ends a cell, also within code.
    return "\n".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |" for line in lines)
