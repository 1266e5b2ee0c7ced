"""Windows: the states that a forecast is made from, and the one that is forecast; and which of them are trained on.

A window of reach ``P a`` ends at row j: its past states are the rows ``j - P a, ..., j - 2a, j - a``, and x1 is row j,
a rows ahead of the newest. Past states are as far apart as a forecast reaches, so that a roll-out can go on from its
own forecasts. It lies within one stretch without gaps, and nothing is missing in its rows.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from si_core import DataError
from si_forecast.data.segments import Segments
from si_forecast.data.series_data import SeriesData

__all__ = ["check_windows", "held_rows", "refuse_short", "window_ends", "window_rows"]


def window_ends(segment: NDArray[np.int64], whole: NDArray[np.bool_], past: int, ahead: int) -> NDArray[np.int64]:
    """The rows j at which windows end, in order.

    Args:
        segment: which stretch a row belongs to, never falling, shape (N,).
        whole: whether nothing is missing in a row, shape (N,).
        past: the number P >= 1 of past states.
        ahead: the number a >= 1 of rows from the newest of them to x1.
    """
    reach = past * ahead
    ends = np.arange(reach, len(segment), dtype=np.int64)
    # Stretches are rows one after the other: where the first and the last are of one, all are.
    good = segment[ends] == segment[ends - reach]
    for lag in range(past + 1):
        good &= whole[ends - lag * ahead]
    return ends[good]


def window_rows(ends: NDArray[np.int64], past: int, ahead: int) -> NDArray[np.int64]:
    """The rows of the past states of windows, the oldest first, shape (n, P)."""
    return ends[:, None] - ahead * np.arange(past, 0, -1, dtype=np.int64)


def held_rows(data: SeriesData, held_out: float) -> NDArray[np.bool_]:
    """The rows that are held out, shape (N,): the last ones of each series, ``held_out`` of them and one at least.

    A window is held out where the state that it forecasts is, and of training where it is not, and then all of its rows
    are training rows. So no state that is forecast in an evaluation was seen in training, neither as x1 nor as past.
    """
    held = np.zeros(len(data.values), dtype=bool)
    if held_out > 0:
        for first, last in zip(data.bounds[:-1], data.bounds[1:], strict=True):
            count = max(1, round(held_out * (last - first)))
            held[last - count : last] = True
    return held


def refuse_short(data: SeriesData, held: NDArray[np.bool_], past: int, ahead: int) -> None:
    """Refuse series that are shorter than a window, or have none that ends before the rows held out.

    Raises:
        DataError: the first of them.
    """
    due = past * ahead + 1
    for number, (first, last) in enumerate(zip(data.bounds[:-1], data.bounds[1:], strict=True)):
        kept = int((~held[first:last]).sum())
        if kept >= due:
            continue
        name = f"series {data.names[number]}: " if len(data.names) > 1 else ""
        got = f"{name}{last - first} rows, {last - first - kept} of them held out"
        allowed = f"{due} rows at least that are not held out: {past} past states, {ahead} apart, and one ahead of them"
        fix = "lower past, ahead or held_out" + (", or leave the series out" if len(data.names) > 1 else "")
        raise DataError("a series is shorter than a window", where=data.where, got=got, allowed=allowed, fix=fix)


def check_windows(
    data: SeriesData, stretches: Segments, train: NDArray[np.int64], held: NDArray[np.int64], due: bool, reach: int
) -> None:
    """Refuse data without a window to train on, or without one held out where some are due.

    Raises:
        DataError: all were lost to gaps and missing values.
    """
    for what, ends, needed in (("to train on", train, True), ("held out", held, due)):
        if needed and not len(ends):
            longest = int(np.bincount(stretches.of_row).max()) if len(stretches.of_row) else math.nan
            got = f"{len(data.values)} rows, {int(data.whole.sum())} of them whole; {longest} without a gap at most"
            fix = "lower past or ahead, or fill the gaps"
            allowed = f"{reach + 1} whole rows, one after the other"
            raise DataError(f"no window {what} is left", where=data.where, got=got, allowed=allowed, fix=fix)
