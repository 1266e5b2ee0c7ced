"""Rows that stay in their files, and are read when they are drawn."""

from __future__ import annotations

import mmap
import os
from abc import ABC, abstractmethod
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from si_core import DataError
from si_distributions.files.blocks import blocks, map_of

__all__ = ["FileState", "MappedRows", "RowStore", "in_turn"]

_HELD = 2**25
"""Bytes of a file in memory at a time: what was read stays in the cache of the system, which owns the rest."""

_AROUND = 2**16
"""Bytes that a system may map around one that is asked for."""


class RowStore(ABC):
    """Rows (N, *shape) that are not in memory.

    Attributes:
        shape: of one.
        dtype: of what :meth:`take` and :meth:`blocks` give: numbers as the files have them.
    """

    shape: tuple[int, ...]
    dtype: np.dtype[np.generic]

    @abstractmethod
    def __len__(self) -> int:
        """How many there are."""

    @abstractmethod
    def take(self, index: NDArray[np.int64]) -> NDArray[np.generic]:
        """Rows in any order, by several threads at once.

        Raises:
            DataError: a file that changed since it was opened, or can't be read: its name, and the row.
        """

    @abstractmethod
    def blocks(self) -> Iterator[tuple[int, NDArray[np.generic]]]:
        """All rows in turn, with the number of the first of each block."""

    @abstractmethod
    def named(self, row: int) -> str:
        """How an error names a row."""

    def loaded(self) -> NDArray[np.generic]:
        """All rows, in memory."""
        out = np.empty((len(self), *self.shape), self.dtype)
        for start, block in self.blocks():
            out[start : start + len(block)] = block
        return out


def in_turn(values: NDArray[np.generic] | RowStore) -> Iterator[tuple[int, NDArray[np.generic]]]:
    """Rows in blocks, with the number of the first of each, wherever they are."""
    return values.blocks() if isinstance(values, RowStore) else blocks(values)


class FileState:
    """A file as it was when it was opened, by its size and the time of its last change.

    Args:
        path: the file.
    """

    def __init__(self, path: str) -> None:
        self.path, self._absolute = path, os.path.abspath(path)
        self._state = self._now()

    def check(self) -> None:
        """Refuse a file that changed: what is drawn would be of another data set, and a map of it may end too early.

        Raises:
            DataError: it changed, or is gone.
        """
        try:
            now = self._now()
        except OSError as error:
            got = error.strerror or str(error)
            raise DataError("the file is gone while it is in use", where=self.path, got=got) from error
        if now != self._state:
            raise DataError(
                "the file changed while it is in use",
                where=self.path,
                got=f"{now[0]} bytes, {self._state[0]} when it was opened",
                fix="start again when nobody writes to it",
            )

    @property
    def size(self) -> int:
        """Its bytes."""
        return self._state[0]

    def _now(self) -> tuple[int, int, int]:
        found = os.stat(self._absolute)
        return found.st_size, found.st_mtime_ns, found.st_ino


class MappedRows(RowStore):
    """Rows of an array that is a map of a file: nothing of it is ever copied whole, but by who pickles it.

    Args:
        values: shape (N, *event), a view of a memory map.
        state: of the file when it was opened.
        most: bytes of it in memory at a time.
    """

    def __init__(self, values: NDArray[np.generic], state: FileState, most: int = _HELD) -> None:
        self._values, self._state, self._most = values.view(np.ndarray), state, most
        self._pages, self._read = map_of(values), 0
        self.shape, self.dtype = tuple(values.shape[1:]), values.dtype

    def __getstate__(self) -> tuple[NDArray[np.generic], FileState, int]:
        return self._values, self._state, self._most

    def __setstate__(self, state: tuple[NDArray[np.generic], FileState, int]) -> None:
        MappedRows.__init__(self, *state)

    def __len__(self) -> int:
        return len(self._values)

    def take(self, index: NDArray[np.int64]) -> NDArray[np.generic]:
        self._state.check()
        out = np.empty((len(index), *self.shape), self.dtype)
        near = out.nbytes // max(len(index), 1) + _AROUND
        step = max(1, self._most // near)
        for start in range(0, len(index), step):
            out[start : start + step] = self._values[index[start : start + step]]
            self._let_go(near * min(step, len(index) - start))
        return out

    def span(self, start: int, stop: int) -> NDArray[np.generic]:
        """Rows one after the other, as a copy."""
        self._state.check()
        rows = np.array(self._values[start:stop])
        self._let_go(rows.nbytes)
        return rows

    def blocks(self) -> Iterator[tuple[int, NDArray[np.generic]]]:
        self._state.check()
        return blocks(self._values)

    def named(self, row: int) -> str:
        return f"row {row} of {self._state.path}"

    def _let_go(self, read: int) -> None:
        self._read += read
        if self._read > self._most and self._pages is not None and hasattr(mmap, "MADV_DONTNEED"):
            self._read = 0
            self._pages.madvise(mmap.MADV_DONTNEED)
