"""Rows of a Zarr array, whose chunks are read when rows of them are drawn."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from si_distributions.files.damaged import reading_bytes
from si_distributions.files.row_store import FileState, RowStore

__all__ = ["ZarrRows"]

_BLOCK = 2**22
"""Bytes of rows that are read at a time, at least a chunk, when all are looked through."""

_METADATA = ("zarr.json", ".zarray")


class ZarrRows(RowStore):
    """Rows of an array; it is opened when they are first asked for, in each process anew.

    Args:
        path: the folder.
        key: the array's path in it; empty where it is the array.
        shape: (N, *event); an array (N,) has one column.
        dtype: of its numbers.
        chunks: the shape of a chunk.
        where: the folder as the user wrote it.
    """

    def __init__(
        self,
        path: str,
        key: str,
        shape: tuple[int, ...],
        dtype: np.dtype[np.generic],
        chunks: tuple[int, ...],
        where: str,
    ) -> None:
        self._path, self._key, self._all, self._chunks, self._where = path, key, shape, chunks, where
        self._columns: Sequence[int] | None = None
        self._array: Any = None
        self.shape = shape[1:] or (1,)
        # Chunks are decoded into the machine's own order of bytes.
        self.dtype = np.dtype(dtype).newbyteorder("=")
        self._state = FileState(str(next((each for each in self._metadata() if each.is_file()), path)))

    def _metadata(self) -> Iterator[Path]:
        """Where an array says what it is; what is appended to it changes this file."""
        return (Path(self._path) / self._key / name for name in _METADATA)

    def __len__(self) -> int:
        return self._all[0]

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"_array": None}

    def of_columns(self, columns: Sequence[int]) -> Self:
        """The same rows (d,) with these columns of the array, in this order."""
        chosen = copy.copy(self)
        chosen._columns, chosen.shape = columns, (len(columns),)
        return chosen

    def take(self, index: NDArray[np.int64]) -> NDArray[np.generic]:
        self._state.check()
        rows, back = np.unique(index, return_inverse=True)
        if not len(rows):
            return np.empty((0, *self.shape), self.dtype)
        return self._read(rows)[back]

    def blocks(self) -> Iterator[tuple[int, NDArray[np.generic]]]:
        self._state.check()
        width = max(1, int(np.prod(self._all[1:])) * self.dtype.itemsize)
        chunk = max(1, self._chunks[0])
        step = max(1, _BLOCK // (width * chunk)) * chunk
        for start in range(0, len(self), step):
            yield start, self._read(slice(start, min(start + step, len(self))))

    def named(self, row: int) -> str:
        return f"row {row} of {self._where}"

    def _read(self, rows: slice | NDArray[np.int64]) -> NDArray[np.generic]:
        """Rows that are given in their order; each chunk of them is read once."""
        with reading_bytes(self._where):
            if self._array is None:
                import zarr

                self._array = zarr.open_array(self._path, path=self._key or None, mode="r")
            found = np.asarray(self._array.oindex[rows] if isinstance(rows, np.ndarray) else self._array[rows])
        found = found[:, None] if found.ndim == 1 else found
        return found.astype(self.dtype, copy=False) if self._columns is None else found[:, self._columns]
