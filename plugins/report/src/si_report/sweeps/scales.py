"""Scales of the axes of a picture.

A scale is logarithmic where its values are positive and cover more than a factor of thirty; a zero among the values of
a horizontal axis keeps its place, as the scale is linear below the smallest other one.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes

from si_report.pictures.draws import Array
from si_report.sweeps.results import Axis

__all__ = ["place_names", "place_numbers", "wide"]

SPAN = 30.0
MOST_TICKS = 12
MARGIN = 0.05


def wide(values: Array) -> bool:
    """Whether values need a logarithmic scale; those that are not finite don't count."""
    known = values[np.isfinite(values)]
    return bool(known.size and known.min() > 0 and known.max() > SPAN * known.min())


def place_names(ax: Axes, axis: Axis) -> Array:
    """Set up the horizontal axis for names at equal distances; return their places."""
    places = np.arange(len(axis.labels), dtype=float)
    slanted: dict[str, Any] = {"rotation": 20, "ha": "right", "rotation_mode": "anchor"}
    room = sum(map(len, axis.labels)) <= 60
    ax.set_xticks(places, axis.labels, parse_math=False, **({} if room else slanted))
    ax.set_xlim(-0.6, len(places) - 0.4)
    return places


def place_numbers(ax: Axes, axis: Axis, numbers: Array) -> Array:
    """Set up the horizontal axis for numbers; return them."""
    positive = numbers[numbers > 0]
    if (numbers >= 0).all() and wide(positive):
        if len(positive) == len(numbers):
            ax.set_xscale("log")
        else:
            ax.set_xscale("symlog", linthresh=float(positive.min()), linscale=0.5)
    elif len(numbers) <= MOST_TICKS and np.diff(np.sort(numbers)).min() > MARGIN * np.ptp(numbers):
        ax.set_xticks(numbers, axis.labels)
    # all values have their place, also those at which nothing is known
    scale = ax.xaxis.get_transform()
    low, high = scale.transform(np.array([numbers.min(), numbers.max()]))
    if high > low:
        margin = MARGIN * (high - low)
        ax.set_xlim(*scale.inverted().transform(np.array([low - margin, high + margin])))
    return numbers
