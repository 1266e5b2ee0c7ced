"""Names of the entries of an event, as the user's file has them, short enough for an axis.

They come from outside: a dollar sign in one is one, so texts are drawn with ``parse_math=False``.
"""

from __future__ import annotations

from collections.abc import Sequence

from si_core import RunView
from si_report.pictures.picture import cut

__all__ = ["axis_names", "breakpoints", "column_names", "together"]

LONGEST = 28


def axis_names(view: RunView) -> tuple[str, ...]:
    """Names for the axes of events of one or two entries: those of the columns, else ``x`` or ``x₁, x₂``."""
    found = _columns(view)
    if found is not None:
        return found
    return ("x₁", "x₂") if view.samples.shape[1:] == (2,) else ("x",)


def breakpoints(view: RunView) -> list[list[float]] | None:
    """Where the target's density may jump, by entry of an event; None where nothing is known."""
    found = view.breakpoints
    return None if found is None or len(found) != view.samples.shape[1:].numel() else [sorted(each) for each in found]


def column_names(view: RunView, number: int, longest: int = LONGEST) -> list[str]:
    """Names of the first ``number`` entries of flattened events: those of the columns, else ``column 0``, ..."""
    found = _columns(view, longest)
    return list(found[:number]) if found is not None else [f"column {k}" for k in range(number)]


def together(sets: Sequence[str]) -> str:
    """Sets in words: ``Source, target and samples``."""
    *first, last = sets
    return (f"{', '.join(first)} and {last}" if first else last).capitalize()


def _columns(view: RunView, longest: int = LONGEST) -> tuple[str, ...] | None:
    columns = None if view.frame is None else view.frame.columns
    return None if columns is None else tuple(cut(name, longest) for name in columns)
