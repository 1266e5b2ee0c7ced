"""Arrays on disk that grow row by row: ``.npy`` files of a known number of rows, written in pieces and read in pieces.

The header is that of the whole array from the beginning, so a finished file is one that ``numpy.save`` would have
written, and rows that are there can be counted by the size of the file.
"""

from __future__ import annotations

import io
import math
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from si_core.errors import StorageError
from si_core.storage.faults import fault_point
from si_core.storage.own_files import open_own, open_to_read

__all__ = ["GrowingArray", "RowForm", "rows_of"]

_PIECE = 1 << 22
"""Bytes of rows that are read at a time."""


@dataclass(frozen=True)
class RowForm:
    """What all rows of an array have in common.

    Args:
        dtype: of the numbers, in the words of numpy's headers, such as ``<f4``.
        event: the shape of a row.
    """

    dtype: str
    event: tuple[int, ...]

    @classmethod
    def of(cls, rows: NDArray[Any]) -> RowForm:
        """The form of some rows (k, *event)."""
        return cls(str(np.lib.format.dtype_to_descr(rows.dtype)), rows.shape[1:])

    @property
    def size(self) -> int:
        """Bytes of a row."""
        return np.dtype(self.dtype).itemsize * math.prod(self.event)

    def header(self, rows: int) -> bytes:
        """The first bytes of the file of an array of so many rows."""
        buffer, shape = io.BytesIO(), (rows, *self.event)
        np.lib.format.write_array_header_1_0(buffer, {"descr": self.dtype, "fortran_order": False, "shape": shape})
        return buffer.getvalue()


class GrowingArray:
    """A ``.npy`` file that gets its rows in pieces.

    Args:
        path: the file; what else stands there is replaced, or refused where it is a link.
        rows: how many rows it will have.
        form: what they have in common.
        done: how many of them are there already; those behind are forgotten.

    Raises:
        StorageError: the file lacks rows that should be there, or a link is in its place.
        OSError: it can't be opened.
    """

    def __init__(self, path: Path, rows: int, form: RowForm, done: int = 0) -> None:
        self.path, self.form = path, form
        header = form.header(rows)
        end = len(header) + done * form.size
        descriptor = open_own(path, os.O_RDWR)
        try:
            if done and (os.fstat(descriptor).st_size < end or os.read(descriptor, len(header)) != header):
                got = f"{os.fstat(descriptor).st_size} bytes"
                raise StorageError("rows that were written are not there", where=str(path), got=got, allowed=f"{end}")
            os.ftruncate(descriptor, end if done else 0)
            os.lseek(descriptor, 0, os.SEEK_END)
        except BaseException:
            os.close(descriptor)
            raise
        self._file = os.fdopen(descriptor, "r+b")
        if not done:
            self._file.write(header)

    def append(self, rows: NDArray[Any]) -> None:
        """Add rows (k, *event)."""
        self._file.write(rows.tobytes())

    def sync(self) -> None:
        """Make what was added survive a power loss."""
        self._file.flush()
        fault_point("atomic: written")
        os.fsync(self._file.fileno())

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def rows_of(path: Path, rows: int, form: RowForm) -> Iterator[NDArray[Any]]:
    """The rows of a finished file in pieces (k, *event) of bounded size, of which none is held."""
    piece = max(1, _PIECE // max(1, form.size))
    with open_to_read(path) as file:
        file.seek(len(form.header(rows)))
        for first in range(0, rows, piece):
            count = min(piece, rows - first)
            data = file.read(count * form.size)
            if len(data) != count * form.size:
                raise StorageError("the file was cut while it was read", where=str(path))
            yield np.frombuffer(data, np.dtype(form.dtype)).reshape(count, *form.event)
