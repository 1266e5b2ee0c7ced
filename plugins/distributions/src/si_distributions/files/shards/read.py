"""Shards that a reader of a plugin reads (:mod:`si_distributions.files.reader`)."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from si_core import DataError
from si_distributions.files.reader import Chosen, reader_of
from si_distributions.files.row_store import FileState, RowStore
from si_distributions.files.shards.shard import Fields, RowShard, Wanted

__all__ = ["ReadShard"]


class ReadShard(RowShard):
    """A file as its reader reads it; labels and conditions are kept in memory, and events where it keeps none there.

    Args:
        path: the file, or the folder.
        wanted: what of it is read.
    """

    def __init__(self, path: str, wanted: Wanted) -> None:
        self.state = FileState(path)
        chosen = Chosen(wanted.key, None, wanted.label, wanted.conditions)
        found = reader_of(Path(path).suffix.lower()).read(Path(path), chosen, path)
        if 0 in found.shape:
            raise DataError("there are no numbers in it", where=path, got=f"shape {found.shape}")
        self._events, self._conditions = found.values, dict(found.conditions)
        self.count, self.labels, self.columns = found.shape[0], found.labels, found.names
        kept = {name: rows.shape[1:] for name, rows in self._conditions.items()}
        self.shapes = {"": found.shape[1:], **kept}
        self.dtypes = {"": found.values.dtype, **{name: rows.dtype for name, rows in self._conditions.items()}}

    def take(self, index: NDArray[np.int64]) -> Fields:
        self.state.check()
        events = self._events.take(index) if isinstance(self._events, RowStore) else self._events[index]
        return {"": events, **{name: rows[index] for name, rows in self._conditions.items()}}

    def described(self) -> str:
        return f"{self.count} {sorted(self.shapes.items())} {sorted((n, str(d)) for n, d in self.dtypes.items())}"
