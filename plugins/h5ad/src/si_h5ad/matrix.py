"""Matrices of an .h5ad file, dense or sparse, whose rows are read when they are drawn.

A matrix in compressed sparse rows is three arrays: row i has the numbers ``data[indptr[i]:indptr[i + 1]]`` in the
columns ``indices[indptr[i]:indptr[i + 1]]``. ``indptr`` is kept in memory, and so are all three where they are small.
Of compressed sparse columns rows can't be read one by one, so these are read once and turned.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from si_core import DataError
from si_distributions.files.damaged import reading_bytes
from si_distributions.files.row_store import FileState, RowStore

__all__ = ["CompressedRows", "DenseRows", "matrix_rows"]

_BLOCK = 2**20
"""Bytes of rows that are read at a time when all are looked through."""

_IN_MEMORY = 2**28
"""Bytes up to which the numbers of a sparse matrix are kept in memory."""


def matrix_rows(file: Any, key: str, path: str, where: str) -> DenseRows | CompressedRows:
    """The rows of a matrix of an open file.

    Raises:
        DataError: it is no matrix.
    """
    found = file[key]
    if not hasattr(found, "keys"):
        if len(found.shape) != 2:
            raise DataError(f"{key} is no matrix", where=where, got=f"shape {found.shape}", allowed="(cells, genes)")
        return DenseRows(path, key, found.shape, found.dtype, where)
    kind = found.attrs.get("encoding-type", found.attrs.get("h5sparse_format", ""))
    kind = {"csr": "csr_matrix", "csc": "csc_matrix"}.get(str(kind), str(kind))
    if kind not in ("csr_matrix", "csc_matrix"):
        raise DataError(f"{key} is no matrix", where=where, got=kind or "a group", allowed="dense, csr or csc")
    shape = tuple(int(size) for size in found.attrs.get("shape", found.attrs.get("h5sparse_shape")))
    if kind == "csc_matrix":
        return CompressedRows.of_columns_of(found, shape, FileState(path), where)
    small = found["data"].nbytes + found["indices"].nbytes <= _IN_MEMORY
    held = (found["data"][:], found["indices"][:]) if small else None
    return CompressedRows(path, key, shape, found["data"].dtype, found["indptr"][:], held, where)


class _Rows(RowStore):
    """Rows of a file that is opened when they are first asked for, in each process anew.

    Args:
        path: the file.
        key: the matrix.
        shape: (N, d).
        dtype: of its numbers.
        where: the file as the user wrote it.
    """

    def __init__(self, path: str, key: str, shape: tuple[int, ...], dtype: Any, where: str) -> None:
        self._path, self._key, self._where = path, key, where
        self._count, self._width = int(shape[0]), int(shape[1])
        self._columns: Sequence[int] | None = None
        self._state, self._file = FileState(path), None
        self.shape, self.dtype = (self._width,), np.dtype(dtype)

    def of_columns(self, columns: Sequence[int]) -> Self:
        """The same rows with these columns of the matrix, in this order."""
        chosen = copy.copy(self)
        chosen._columns, chosen.shape = columns, (len(columns),)
        return chosen

    def __len__(self) -> int:
        return self._count

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"_file": None}

    def named(self, row: int) -> str:
        return f"row {row} of {self._where}"

    def blocks(self) -> Iterator[tuple[int, NDArray[np.generic]]]:
        step = max(1, _BLOCK // max(1, self._width * self.dtype.itemsize))
        for start in range(0, self._count, step):
            yield start, self.take(np.arange(start, min(start + step, self._count)))

    def _element(self, *names: str) -> Any:
        """An array of the file."""
        if self._file is None:
            import h5py

            self._file = h5py.File(Path(self._path), "r")
        return self._file["/".join((self._key, *names))]


class DenseRows(_Rows):
    """Rows of a dense matrix; each is read once, in the order in which they lie."""

    def take(self, index: NDArray[np.int64]) -> NDArray[np.generic]:
        self._state.check()
        rows, back = np.unique(index, return_inverse=True)
        if not len(rows):
            return np.empty((0, *self.shape), self.dtype)
        with reading_bytes(self._where):
            matrix = self._element()
            together = int(rows[-1] - rows[0]) + 1 == len(rows)
            found = matrix[int(rows[0]) : int(rows[-1]) + 1] if together else matrix[rows]
        return np.asarray(found if self._columns is None else found[:, self._columns])[back]


class CompressedRows(_Rows):
    """Rows of a matrix in compressed sparse rows, made dense as they are taken.

    Args:
        path: the file.
        key: the matrix.
        shape: (N, d).
        dtype: of its numbers.
        indptr: where rows begin, (N + 1,).
        held: the numbers and their columns in memory; None where they stay in the file.
        where: the file as the user wrote it.
    """

    def __init__(self, path: str, key: str, shape: tuple[int, ...], dtype: Any, indptr: NDArray[np.int64],
                 held: tuple[NDArray[np.generic], NDArray[np.int64]] | None, where: str) -> None:  # fmt: skip
        super().__init__(path, key, shape, dtype, where)
        self._indptr, self._held = np.asarray(indptr, np.int64), held
        if len(self._indptr) != self._count + 1:
            got = f"{len(self._indptr)} beginnings for {self._count} rows"
            raise DataError("the file is damaged: a sparse matrix without all its rows", where=where, got=got)

    @classmethod
    def of_columns_of(cls, group: Any, shape: tuple[int, ...], state: FileState, where: str) -> CompressedRows:
        """The rows of a matrix in compressed sparse columns, which is turned in memory."""
        from scipy.sparse import csc_matrix

        turned = csc_matrix((group["data"][:], group["indices"][:], group["indptr"][:]), shape=shape).tocsr()
        held = (turned.data, turned.indices)
        return cls(state.path, "", shape, turned.dtype, turned.indptr, held, where)

    def take(self, index: NDArray[np.int64]) -> NDArray[np.generic]:
        from scipy.sparse import csr_matrix

        self._state.check()
        rows, back = np.unique(index, return_inverse=True)
        first, last = self._indptr[rows], self._indptr[rows + 1]
        with reading_bytes(self._where):
            arrays = self._held or (self._element("data"), self._element("indices"))
            data, columns = (self._gathered(array, rows, first, last) for array in arrays)
            begins = np.concatenate([[0], np.cumsum(last - first)])
            # What stands twice in a column is a sum.
            dense = csr_matrix((data, columns, begins), shape=(len(rows), self._width)).toarray()
        out = np.asarray(dense, self.dtype)
        return (out if self._columns is None else out[:, self._columns])[back]

    def _gathered(
        self, array: Any, rows: NDArray[np.int64], first: NDArray[np.int64], last: NDArray[np.int64]
    ) -> NDArray[np.generic]:
        """What rows have of an array, one after the other; neighbours in the file are read at once."""
        if not len(rows):
            return np.empty(0, array.dtype)
        cuts = np.flatnonzero(np.diff(rows) != 1) + 1
        starts, ends = np.concatenate([[0], cuts]), np.concatenate([cuts, [len(rows)]])
        return np.concatenate([array[first[a] : last[b - 1]] for a, b in zip(starts, ends, strict=True)])
