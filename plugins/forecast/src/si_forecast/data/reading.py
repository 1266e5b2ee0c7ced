"""Series out of a file: by the readers of si-distributions, which know .npy, .npz, .csv, .tsv, .txt and .parquet.

An array (N, *event) is one series of N states, one of shape (N,) a series of numbers. In a table, columns may say when
a row was (``time``), which series it belongs to (``group``) and what its series has once (``static``); the others are
the state. Rows of several series may be mixed: each series has its own in the order of the file.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from si_core import DataError, UsageError
from si_distributions.files.contents import Contents
from si_distributions.files.read import TEXT, names_in, read
from si_forecast.data.series_data import SeriesData
from si_forecast.data.times import read_times

__all__ = ["read_series"]

_TABLES = (*TEXT, ".parquet")


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
        key: the array of a .npz file that holds several.
        columns: the columns of the state, in this order; None for all that are none of the others.
        time: the column of times.
        group: the column that tells series apart.
        static: columns of numbers that a series has once.

    Raises:
        DataError: a file or a column that is not there, text where a number is needed, and as for
            :class:`.SeriesData`.
        UsageError: columns by name of a file that has no names, or one named for two purposes.
    """
    where = str(path)
    special = [name for name in (time, group, *static) if name is not None]
    if path.suffix.lower() not in _TABLES:
        if special or columns is not None:
            got = ", ".join([*(columns or ()), *special])
            fix = "a .csv or .parquet file, or si_forecast.series(values, times=..., static=...) in Python"
            raise UsageError(
                "an array has no columns by name", where=where, got=got, allowed=", ".join(_TABLES), fix=fix
            )
        values = _states(read(where, key).values)
        return SeriesData(values, np.zeros(len(values), dtype=np.int64), ("",), where)
    twice = [name for name in special if special.count(name) > 1 or name in (columns or ())]
    if twice:
        raise UsageError("a column has one purpose", where=where, got=repr(twice[0]), fix="name it once")
    known = names_in(where)
    if known is None:
        fix = "give the file a first row of names"
        raise DataError("a table of series has names of its columns", where=where, fix=fix)
    state = list(columns) if columns is not None else [name for name in known if name not in special]
    label = group if group is not None else time
    contents = read(where, key, state, label, list(static))
    times = None
    if time is not None:
        cells = contents.labels if group is None else read(where, key, state[:1], time).labels
        times = read_times(_cells(cells), time, where)
    return _of_table(contents, None if group is None else _cells(contents.labels), times, where)


def _cells(labels: NDArray[np.generic] | None) -> NDArray[np.generic]:
    return np.array([]) if labels is None else labels


def _states(values: NDArray[np.generic]) -> NDArray[np.float64]:
    found = np.asarray(values, dtype=np.float64)
    return found[:, None] if found.ndim == 1 else found


def _of_table(
    contents: Contents,
    labels: NDArray[np.generic] | None,
    times: tuple[NDArray[np.float64], bool] | None,
    where: str,
) -> SeriesData:
    """The rows of a table, one series after the other, in the order in which their names come."""
    values, clock = _states(contents.values), None if times is None else times[0]
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
