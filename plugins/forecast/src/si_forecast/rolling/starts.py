"""Where forecasts start: the newest states of series, with what belongs to them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from si_core import DataError, Frame
from si_forecast.data.calendar import calendar
from si_forecast.data.layout import Layout
from si_forecast.data.segments import Segments, segments
from si_forecast.data.series_data import SeriesData
from si_forecast.data.series_rows import SeriesRows
from si_forecast.data.windows import window_rows

__all__ = ["Starts", "held_out_starts", "last_starts", "starts_at"]


@dataclass(frozen=True, eq=False)
class Starts:
    """S starts of forecasts.

    Args:
        past: the past states in model space, the oldest first, float64, shape (S, P, *event), P >= 1.
        given: what stays as it is along a roll-out: static values and labels, each (S, *shape).
        rows: the row of the newest state within its series, shape (S,).
        series: the names of their series.
        times: of the newest states, shape (S,), or None where rows are counted.
        step: the time that a step of a roll-out takes, in the unit of the times.
        dated: whether times are seconds since 1970.
        features: of the calendar.
        even: whether steps take equal times, so that those to come are known.
    """

    past: Tensor
    given: Mapping[str, Tensor]
    rows: NDArray[np.int64]
    series: tuple[str, ...]
    times: NDArray[np.float64] | None
    step: float
    dated: bool
    features: tuple[str, ...]
    even: bool

    def __len__(self) -> int:
        return len(self.past)

    def conditions(self, which: NDArray[np.int64], lead: int) -> dict[str, Tensor]:
        """What networks are given beside past states, ``lead`` steps ahead of some starts, each (n, *shape)."""
        index = torch.from_numpy(which)
        found = {name: values[index] for name, values in self.given.items()}
        if self.features and self.times is not None:
            times = self.times[which] + lead * self.step
            found["calendar"] = torch.from_numpy(calendar(times, self.features))
        return found

    def conditions_ahead(self, steps: int) -> dict[str, Tensor]:
        """What networks are given of the calendar along a roll-out, (S, steps, 2 k), by name; nothing without one."""
        times = self.times_ahead(steps)
        if not self.features or times is None:
            return {}
        features = calendar(times.reshape(-1), self.features)
        return {"calendar": torch.from_numpy(features.reshape(*times.shape, -1))}

    def times_ahead(self, steps: int) -> NDArray[np.float64] | None:
        """The times that are forecast, shape (S, steps); None where they are not known."""
        if self.times is None or not self.even:
            return None
        return self.times[:, None] + self.step * np.arange(1, steps + 1)


def starts_at(data: SeriesData, layout: Layout, stretches: Segments, newest: NDArray[np.int64], frame: Frame) -> Starts:
    """Starts at the rows of their newest states, (S,), whose past states are there.

    Args:
        data: the series.
        layout: of the model.
        stretches: of the series.
        newest: the rows.
        frame: the units of the model.
    """
    rows = window_rows(newest + layout.ahead, layout.states, layout.ahead)
    past = frame.encode(torch.from_numpy(data.values[rows].reshape(-1, *data.shape)))
    series = data.series[newest]
    given = {name: torch.from_numpy(column[series]) for name, column in data.static.items()}
    if layout.given_group is not None:
        given[layout.given_group] = torch.from_numpy(series)
    return Starts(
        past.reshape(len(newest), layout.states, *data.shape),
        given,
        newest - data.bounds[series],
        tuple(data.names[number] for number in series.tolist()),
        None if data.times is None else data.times[newest],
        stretches.step * layout.ahead,
        data.dated,
        layout.calendar,
        layout.gaps != "ignore",
    )


def last_starts(data: SeriesData, layout: Layout, frame: Frame) -> Starts:
    """One start for each series, at its last row.

    Raises:
        DataError: a series whose last past states are missing, or lie beyond a gap.
    """
    stretches = segments(data, layout.gaps)
    newest, whole = data.bounds[1:] - 1, data.whole
    reach = (layout.states - 1) * layout.ahead
    for number, row in enumerate(newest.tolist()):
        first = row - reach
        there = first >= data.bounds[number] and stretches.of_row[first] == stretches.of_row[row]
        if there and whole[first : row + 1 : layout.ahead].all():
            continue
        name = f" of series {data.names[number]}" if len(data.names) > 1 else ""
        raise DataError(
            f"the past states at the end{name} are not all there",
            where=data.where,
            got=f"{row + 1 - data.bounds[number]} rows, the last of them {data.row(row)}",
            allowed=f"{layout.states} whole states, {layout.ahead} rows apart, without a gap between them",
            fix="give a file that ends with them",
        )
    return starts_at(data, layout, stretches, newest, frame)


def held_out_starts(rows: SeriesRows, steps: int, most: int) -> tuple[Starts, NDArray[np.int64]]:
    """Starts from which all that is forecast is held out and known, at most so many, equally far apart.

    Args:
        rows: the windows of the series.
        steps: of the roll-outs.
        most: how many starts, of all series together.

    Returns:
        The starts, in the order of series and times, and the rows of their newest states, (S,).

    Raises:
        DataError: nothing is held out, or not as many rows in a row.
    """
    data, layout = rows.data, rows.layout
    if not rows.held.any():
        fix = "held_out: 0.2 of the target"
        raise DataError("forecasts are measured on rows held out, and there are none", where=data.where, fix=fix)
    reach, before = steps * layout.ahead, (layout.states - 1) * layout.ahead
    newest = np.arange(before, len(data.values) - reach, dtype=np.int64)
    good = rows.stretches.of_row[newest - before] == rows.stretches.of_row[newest + reach]
    good &= rows.held[newest + layout.ahead]
    for lag in range(1 - layout.states, steps + 1):
        good &= data.whole[newest + lag * layout.ahead]
    newest = newest[good]
    if not len(newest):
        got = f"{int(rows.held.sum())} rows held out of {len(data.names)} series"
        allowed = f"{reach} rows one after the other at the end of a series, after {layout.states} past states"
        fix = "shorter leads, or a larger held_out"
        raise DataError("no start is left to forecast from", where=data.where, got=got, allowed=allowed, fix=fix)
    if len(newest) > most:
        newest = newest[np.unique(np.linspace(0, len(newest) - 1, most).round().astype(np.int64))]
    return starts_at(data, layout, rows.stretches, newest, rows.frame), newest
