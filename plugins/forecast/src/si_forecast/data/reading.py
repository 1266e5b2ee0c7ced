"""Series out of a file: by the readers of si-distributions, its own (.npy, .npz, .csv, .tsv, .txt, .parquet) and those
of plugins, such as .zarr and .h5ad.

An array (N, *event) is one series of N states, one of shape (N,) a series of numbers. What says when a row was
(``time``), which series it belongs to (``group``) and what its series has once (``static``) is named as the format
names its labels and conditions: by columns of a table, of which the others are the state; by further arrays of a .npz
or .zarr; by columns of the ``obs`` of an .h5ad. Rows of several series may be mixed: each series has its own in the
order of the file.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from si_core import DataError, UsageError
from si_distributions.files.contents import Contents
from si_distributions.files.read import TEXT, names_in, read
from si_forecast.data.series_data import SeriesData, as_states
from si_forecast.data.times import read_times

__all__ = ["read_series"]


def read_series(
    path: Path,
    key: str | None = None,
    columns: Sequence[str] | None = None,
    time: str | None = None,
    group: str | None = None,
    static: Sequence[str] = (),
) -> SeriesData:
    """The series of a file.

    Args:
        path: the file.
        key: the array of states, of a file that holds several.
        columns: the columns of the state, in this order; None for all that are none of the others.
        time: the column of times, or their array.
        group: the column that tells series apart, or its array.
        static: columns of numbers that a series has once, or their arrays.

    Raises:
        DataError: a file or a column that is not there, text where a number is needed, and as for
            :class:`.SeriesData`.
        UsageError: columns by name of a file that has no names, or one named for two purposes.
        NumericsError: more numbers than there is memory for.
    """
    where, suffix = str(path), path.suffix.lower()
    special = [name for name in (time, group, *static) if name is not None]
    twice = [name for name in special if special.count(name) > 1 or name in (columns or ())]
    if twice:
        raise UsageError("a column has one purpose", where=where, got=repr(twice[0]), fix="name it once")
    known = names_in(where)
    if known is None and suffix in TEXT:
        fix = "give the file a first row of names"
        raise DataError("a table of series has names of its columns", where=where, fix=fix)
    if known is None and (columns is not None or (special and suffix == ".npy")):
        raise UsageError(
            "an array has no columns by name",
            where=where,
            got=", ".join([*(columns or ()), *special]),
            allowed=f"{', '.join(TEXT)}, .parquet",
            fix="a .csv or .parquet file, or si_forecast.series(values, times=..., static=...) in Python",
        )
    state = columns
    if state is None and known is not None and set(special) & set(known):
        state = [name for name in known if name not in special]
    contents = read(where, key, state, group if group is not None else time, list(static))
    labels = None if group is None else _cells(contents, group, where)
    times = None
    if time is not None:
        beside = contents if group is None else read(where, key, None if state is None else state[:1], time)
        times = read_times(_cells(beside, time, where), time, where)
    return _of_rows(contents, labels, times, where)


def _cells(contents: Contents, name: str, where: str) -> NDArray[np.generic]:
    """One cell a row, shape (N,)."""
    cells = np.array([]) if contents.labels is None else contents.labels
    if cells.shape != contents.shape[:1]:
        got = f"{name!r} of shape {cells.shape} for {contents.shape[0]} rows"
        raise DataError("one value for each row", where=where, got=got)
    return cells


def _of_rows(
    contents: Contents,
    labels: NDArray[np.generic] | None,
    times: tuple[NDArray[np.float64], bool] | None,
    where: str,
) -> SeriesData:
    """The rows of a file, one series after the other, in the order in which their names come."""
    values, clock = as_states(contents.loaded(where)), None if times is None else times[0]
    series, names = np.zeros(len(values), dtype=np.int64), ("",)
    if labels is not None:
        texts = np.array([str(label).strip() for label in labels.tolist()])
        if (texts == "").any():
            raise DataError("a row belongs to no series", where=where, got=contents.row(int((texts == "").argmax())))
        found, first, inverse = np.unique(texts, return_index=True, return_inverse=True)
        rank = np.argsort(np.argsort(first))
        series, names = rank[inverse.reshape(-1)].astype(np.int64), tuple(found[np.argsort(first)].tolist())
    order = np.argsort(series, kind="stable")
    rows = series[order]
    starts = np.searchsorted(rows, np.arange(len(names)))
    static = {
        name: _once(column[order], rows, starts, names, name, where) for name, column in contents.conditions.items()
    }
    return SeriesData(
        values[order],
        rows,
        names,
        where,
        contents.names,
        None if clock is None else clock[order],
        times is not None and times[1],
        static,
    )


def _once(
    column: NDArray[np.generic],
    series: NDArray[np.int64],
    starts: NDArray[np.intp],
    names: tuple[str, ...],
    name: str,
    where: str,
) -> NDArray[np.float64]:
    """The one value that each series has of a static column, shape (S,)."""
    values = column.astype(np.float64).reshape(len(column))
    first: NDArray[np.float64] = values[starts]
    other = values != first[series]
    if other.any():
        which = names[int(series[int(other.argmax())])]
        got = f"{name!r} changes within" + (f" series {which}" if which else " the series")
        fix = "leave it out of static: as a column of the state it is forecast as well"
        raise DataError("what is static is one value a series", where=where, got=got, fix=fix)
    return first
