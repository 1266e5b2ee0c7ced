"""Series of something else than what the file holds: logarithms, differences, log-returns."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

import numpy as np

from si_core import DataError, UsageError
from si_forecast.data.segments import Gaps, segments
from si_forecast.data.series_data import SeriesData

__all__ = ["Transform", "transformed"]

Transform = Literal["none", "log", "difference", "log-return"]


def transformed(data: SeriesData, transform: Transform, gaps: Gaps) -> SeriesData:
    """The series of logarithms, of differences ``x_i - x_(i-1)``, or of ``log x_i - log x_(i-1)``.

    A difference belongs to the later row. Each series has one row fewer then, and none reaches over a gap.

    Args:
        data: the series.
        transform: what to make of it.
        gaps: as for :func:`.segments.segments`.

    Raises:
        DataError: a logarithm of what is not positive, or a gap.
        UsageError: another word.
    """
    if transform not in ("none", "log", "difference", "log-return"):
        allowed = "none, log, difference, log-return"
        raise UsageError("unknown option", where="series: transform", got=repr(transform), allowed=allowed)
    if transform == "none":
        return data
    values = data.values
    if transform != "difference":
        wrong = (values <= 0).reshape(len(values), -1).any(1)
        if wrong.any():
            got = data.row(int(wrong.argmax()))
            raise DataError("only positive numbers have logarithms", where=data.where, got=got, fix="transform: none")
        values = np.log(values)
    if transform == "log":
        return replace(data, values=values)
    stretch = segments(data, gaps).of_row
    later = np.flatnonzero(np.diff(data.series) == 0) + 1
    # A row after a gap goes: the times then show the gap where it was.
    later = later[stretch[later] == stretch[later - 1]]
    changes = values[later] - values[later - 1]
    times = None if data.times is None else data.times[later]
    if not len(later) or len(np.unique(data.series[later])) < len(data.names):
        raise DataError("a series of one row has no differences", where=data.where)
    return replace(data, values=changes, series=data.series[later], times=times)
