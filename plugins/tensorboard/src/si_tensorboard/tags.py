"""Records of a run as TensorBoard shows them: tables in Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from si_core.public.runs import recipe_leaves

__all__ = ["estimates_table", "recipe_table"]


def recipe_table(recipe: Mapping[str, Any]) -> str:
    """A table of a recipe's keys, dotted as ``si run`` takes them, and their values as JSON."""
    return _table(("key", "value"), ((f"`{key}`", f"`{value}`") for key, value in recipe_leaves(recipe).items()))


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


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    # A bar ends a cell, also within code.
    return "\n".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |" for line in lines)
