"""How the lines of a sweep are told apart: colour by the first axis, marks and strokes by all further ones."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from si_report.pictures.palette import SETS, time_map
from si_report.sweeps.results import Axis

__all__ = ["Styles"]

MOST_NAMED = 12
STROKES = ("-", "--", "-.", ":")
MARKS = ("o", "s", "^", "D", "v", "P", "X", "*")
SIZE = 5.0


class Styles:
    """The styles of the combinations of some axes; with no axis there is one.

    Args:
        axes: the axes, each with two values or more.
    """

    def __init__(self, axes: Sequence[Axis]) -> None:
        self.axes = axes
        self._colours = _colours(axes[0]) if axes else [SETS[0]]
        self._further = list(itertools.product(*(range(len(axis.labels)) for axis in axes[1:])))
        self.combinations = list(itertools.product(*(range(len(axis.labels)) for axis in axes)))

    def of(self, combination: tuple[int, ...]) -> dict[str, Any]:
        """Colour, mark and stroke of a combination, given by the place of its value on each axis."""
        mark = _mark(self._further.index(combination[1:])) if combination else _mark(0)
        return {"color": self._colours[combination[0] if combination else 0], "markersize": SIZE, **mark}

    def explain(self, figure: Figure) -> None:
        """Name the colours in a figure of their own, and the marks below them."""
        if self.axes:
            colours = [Line2D([], [], color=colour, linewidth=3) for colour in self._colours]
            _legend(figure, colours, self.axes[0].labels, self.axes[0].key, "upper")
        if len(self.axes) > 1:
            marks = [Line2D([], [], color="#555555", markersize=SIZE, **_mark(k)) for k in range(len(self._further))]
            names = [
                ", ".join(axis.labels[place] for axis, place in zip(self.axes[1:], further, strict=True))
                for further in self._further
            ]
            _legend(figure, marks, names, ", ".join(axis.key for axis in self.axes[1:]), "lower")


def _colours(axis: Axis) -> list[Any]:
    """Colours of kinds for a few values, else a scale, which for numbers follows their order."""
    count = len(axis.labels)
    if count <= (2 if axis.numbers is not None else len(SETS)):
        return list(SETS[:count])
    order = np.arange(count) if axis.numbers is None else np.argsort(np.argsort(axis.numbers))
    scale = time_map()
    return [scale(place / (count - 1)) for place in order]


def _mark(place: int) -> dict[str, Any]:
    return {"marker": MARKS[place % len(MARKS)], "linestyle": STROKES[place % len(STROKES)]}


def _legend(figure: Figure, handles: list[Line2D], names: list[str], title: str, side: str) -> None:
    # of a long scale some values name the rest
    at = np.unique(np.linspace(0, len(names) - 1, min(len(names), MOST_NAMED)).round().astype(int))
    legend = figure.legend(
        [handles[k] for k in at], [names[k] for k in at], title=title, loc=f"{side} left", alignment="left"
    )
    # a dollar sign in a value is one
    for words in (legend.get_title(), *legend.get_texts()):
        words.set_parse_math(False)
