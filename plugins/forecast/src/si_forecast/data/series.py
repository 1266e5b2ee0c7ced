"""The distribution ``series``: states of series on file, with the past that they are forecast from."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from si_core import DataError
from si_forecast.data.calendar import Feature
from si_forecast.data.layout import Ahead, HeldOut, Layout, Past
from si_forecast.data.reading import read_series
from si_forecast.data.segments import Gaps
from si_forecast.data.series_data import SeriesData
from si_forecast.data.series_rows import SeriesRows
from si_forecast.data.transforms import Transform, transformed

__all__ = ["Series", "read_windows"]


class Series(SeriesRows):
    """One or many series of a file: .npy, .npz, .csv, .tsv, .txt, .parquet, or what an installed reader knows, such as
    .zarr (:mod:`.reading`).

    A draw is the state ``ahead`` rows later than the newest of ``past`` states, which networks are given as the
    condition ``past`` (P, *event), the oldest first, ``ahead`` rows apart. With ``coupling: consecutive`` the process
    starts from the newest of them; with others, from draws of the source.

    Args:
        path: the file; in a recipe relative to the recipe, in a call to the current directory.
        key: the array of states, of a file that holds several.
        columns: the columns of the state, in this order; all that have no other purpose where left out.
        time: the column, or array, of times: dates as 2024-01-31 or 2024-01-31T13:00, or numbers.
        group: the column, or array, that tells several series apart.
        given_group: whether networks are given the name of the series as a label, under the name of that column.
        static: columns, or arrays, of numbers that a series has once; networks are given each under its name.
        calendar: features of the time that is forecast which networks are given as ``calendar``: hour-of-day,
            day-of-week, day-of-year.
        past: how many past states networks are given; 0 for none.
        ahead: how many rows a forecast reaches ahead.
        transform: of the states: none, log, difference (from row to row) or log-return, the difference of logarithms.
        gaps: where times are not one step apart: refuse; split the series there; or ignore, where rows are steps.
        missing: where a value is missing: refuse; or split, which leaves the windows out that such a row is in.
        standardise: whether each column gets mean 0 and variance 1 over the training rows (one mean and scale for all
            entries where a state has several axes).
        held_out: the fraction of each series that is kept from training, at its end.
        dtype: of the draws.
        order: of the draws of training: replacement, or shuffled, for each window once an epoch.

    Raises:
        DataError: a file that can't be read; times that repeat or are not in order; gaps, missing values, series
            shorter than a window.
    """

    def __init__(
        self,
        path: Path,
        key: str | None = None,
        columns: list[str] | None = None,
        time: str | None = None,
        group: str | None = None,
        given_group: bool = False,
        static: list[str] | None = None,
        calendar: list[Feature] | None = None,
        past: Past = 1,
        ahead: Ahead = 1,
        transform: Transform = "none",
        gaps: Gaps = "refuse",
        missing: Literal["refuse", "split"] = "refuse",
        standardise: bool = True,
        held_out: HeldOut = 0.2,
        dtype: Literal["float32", "float64"] = "float32",
        order: Literal["replacement", "shuffled"] = "replacement",
    ) -> None:
        data, layout = read_windows(
            path, key, columns, time, group, given_group, static, calendar, past, ahead, transform, gaps
        )
        super().__init__(data, layout, standardise, held_out, missing, dtype, order)


def read_windows(
    path: Path,
    key: str | None = None,
    columns: Sequence[str] | None = None,
    time: str | None = None,
    group: str | None = None,
    given_group: bool = False,
    static: Sequence[str] | None = None,
    calendar: Sequence[str] | None = None,
    past: int = 1,
    ahead: int = 1,
    transform: Transform = "none",
    gaps: Gaps = "refuse",
) -> tuple[SeriesData, Layout]:
    """The series of a file and the layout of its windows, by the options of :class:`Series`.

    Raises:
        DataError, UsageError: as for the class.
    """
    if given_group and group is None:
        fix = "name it in `group`, or leave given_group out"
        raise DataError("no column tells series apart", where=str(path), got="given_group without group", fix=fix)
    data = transformed(read_series(Path(path), key, columns, time, group, static or ()), transform, gaps)
    return data, Layout(past, ahead, tuple(calendar or ()), group if given_group else None, gaps)
