"""Shards that are .parquet files: read by groups of rows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from si_core import DataError
from si_distributions.files.parquet import check_numeric, column_texts, opened_parquet
from si_distributions.files.row_store import FileState
from si_distributions.files.shards.shard import Fields, PieceShard, Wanted

__all__ = ["ParquetShard"]


class ParquetShard(PieceShard):
    """A .parquet file: events are one column (``key``), numbers or lists of equal length, or all other columns.

    Args:
        path: the file.
        wanted: what of it is read.
    """

    def __init__(self, path: str, wanted: Wanted) -> None:
        self.state = FileState(path)
        with opened_parquet(Path(path), path) as file:
            names = list(file.schema_arrow.names)
            given = [*wanted.conditions, *([wanted.label] if wanted.label is not None else [])]
            for name in (*given, *([wanted.key] if wanted.key is not None else [])):
                if names.count(name) != 1:
                    problem = f"{names.count(name) or 'no'} column has the name {name!r}"
                    raise DataError(problem, where=path, allowed=", ".join(names))
            self._events = [name for name in names if name not in given] if wanted.key is None else [wanted.key]
            self._conditions, self._list = list(wanted.conditions), wanted.key is not None
            if not self._events or len(set(self._events)) < len(self._events):
                raise DataError("columns of events have names of their own", where=path, got=", ".join(names))
            self.count = file.metadata.num_rows
            self.pieces = tuple(file.metadata.row_group(k).num_rows for k in range(file.num_row_groups))
            if wanted.label is not None:
                self.labels = column_texts(file, names.index(wanted.label))
        if not self.count:
            raise DataError("there are no rows in it", where=path)
        self.columns = None if self._list else tuple(self._events)
        first = self.piece(0)
        self.shapes = {name: rows.shape[1:] for name, rows in first.items()}
        self.dtypes = {name: rows.dtype for name, rows in first.items()}

    def piece(self, k: int) -> Fields:
        self.state.check()
        path = self.state.path
        with opened_parquet(Path(path), path) as file:
            table = file.read_row_group(k, columns=[*self._events, *self._conditions])
        if self._list:
            events = _column(table, self._events[0], path)
            events = events[:, None] if events.ndim == 1 else events
        else:
            events = np.stack([_column(table, name, path) for name in self._events], 1)
        return {"": events, **{name: _column(table, name, path) for name in self._conditions}}

    def described(self) -> str:
        return f"{self.count} {self._events} {self.pieces}"


def _column(table: Any, name: str, where: str) -> NDArray[np.generic]:
    """The numbers of a column, (n,), or (n, d) of lists; NaN where there are none."""
    from pyarrow import types

    column = table.column(name).combine_chunks()
    kind, count = column.type, len(column)
    if types.is_fixed_size_list(kind) or types.is_list(kind) or types.is_large_list(kind):
        if column.null_count:
            raise DataError(f"column {name!r} lacks lists", where=where, got=f"{column.null_count} of {count} rows")
        lengths = set(column.value_lengths().to_pylist()) if not types.is_fixed_size_list(kind) else {kind.list_size}
        if len(lengths) != 1:
            raise DataError(f"lists of several lengths in column {name!r}", where=where, got=sorted(lengths)[:5])
        return _plain(column.flatten(), name, where).reshape(count, -1)
    return _plain(column, name, where)


def _plain(column: Any, name: str, where: str) -> NDArray[np.generic]:
    from pyarrow import types

    check_numeric(column.type, name, where)
    if types.is_boolean(column.type):
        column = column.cast("uint8")
    if types.is_decimal(column.type):
        column = column.cast("float64")
    found: NDArray[np.generic] = column.to_numpy(zero_copy_only=False)
    return found.astype(np.float64) if found.dtype.kind in "iub" else found
