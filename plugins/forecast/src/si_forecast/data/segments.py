"""Stretches of a series without a gap, and the time of a step."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from si_core import DataError, UsageError
from si_forecast.data.series_data import SeriesData

__all__ = ["OFF", "Gaps", "Segments", "segments"]

Gaps = Literal["refuse", "split", "ignore"]
OFF = 0.01
"""Of a step: two times that are farther from one step apart are a gap."""


@dataclass(frozen=True)
class Segments:
    """Rows that follow each other by one step.

    Args:
        of_row: which stretch a row belongs to, shape (N,); it never grows by less than 0.
        step: the time from a row to the next, in the unit of the times; 1 where rows are counted, and NaN
            where no row follows another, so that nothing tells.
    """

    of_row: NDArray[np.int64]
    step: float


def segments(data: SeriesData, gaps: Gaps) -> Segments:
    """The stretches of some series: these alone where rows are counted.

    The step is the median time between rows. Where one is farther than 1 % of it from that, something is missing in
    between, or was measured at another time.

    Args:
        data: the series.
        gaps: refuse those; split the series there, so that no window reaches over it; or ignore the times: rows are
            steps, as days of trading are.

    Raises:
        DataError: a gap that is to be refused.
        UsageError: another word.
    """
    if gaps not in ("refuse", "split", "ignore"):
        raise UsageError("unknown option", where="series: gaps", got=repr(gaps), allowed="refuse, split, ignore")
    breaks = np.diff(data.series) != 0
    step = 1.0
    if data.times is not None:
        waits = np.diff(data.times)
        step = float(np.median(waits[~breaks])) if (~breaks).any() else math.nan
        off = ~breaks & (np.abs(waits - step) > OFF * step)
        if off.any() and gaps == "refuse":
            raise _uneven(data, int(off.argmax()) + 1, step)
        if gaps == "split":
            breaks = breaks | off
    return Segments(np.concatenate([[0], np.cumsum(breaks)]).astype(np.int64), step)


def _uneven(data: SeriesData, at: int, step: float) -> DataError:
    times = data.times if data.times is not None else np.arange(len(data.values), dtype=np.float64)
    unit = " s" if data.dated else ""
    return DataError(
        "the times between rows differ",
        where=data.where,
        got=f"{times[at] - times[at - 1]:g}{unit} before {data.row(at)}, {step:g}{unit} in most places",
        allowed="equal times",
        fix="gaps: split, which never learns across them; or gaps: ignore, where rows are steps, as days of trading",
    )
