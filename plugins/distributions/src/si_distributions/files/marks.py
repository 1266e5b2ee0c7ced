"""Numbers by which equal rows are found without keeping the rows."""

from __future__ import annotations

import logging

import numpy as np
from numpy.typing import NDArray

__all__ = ["Marks"]

_ODD = np.uint64(0x9E3779B97F4A7C15)
_log = logging.getLogger(__name__)


class Marks:
    """A number of 64 bits for each row, equal for rows of equal bytes and, but for chance, for no others.

    Args:
        count: of the rows.
        shape: of a row.
        dtype: of the rows.
    """

    def __init__(self, count: int, shape: tuple[int, ...], dtype: np.dtype[np.generic]) -> None:
        self._words = -(-dtype.itemsize * int(np.prod(shape)) // 8)
        random = np.random.default_rng(0).integers(0, 2**63, self._words, dtype=np.uint64)
        self._factors = random * np.uint64(2) + np.uint64(1)
        self._marks = np.empty(count, dtype=np.uint64)

    def add(self, start: int, block: NDArray[np.generic]) -> None:
        """Take a block of rows in, by the number of the first."""
        rows = np.ascontiguousarray(block).reshape(len(block), -1).view(np.uint8)
        short = 8 * self._words - rows.shape[1]
        padded = np.pad(rows, ((0, 0), (0, short))) if short else rows
        bits = np.ascontiguousarray(padded).view(np.uint64)
        # Numbers with few digits differ in few bits, all of them high: these are brought down first.
        bits = (bits ^ (bits >> np.uint64(33))) * _ODD
        bits ^= bits >> np.uint64(29)
        bits *= self._factors
        self._marks[start : start + len(block)] = bits.sum(1, dtype=np.uint64)

    def warn(self, train: NDArray[np.int64], held: NDArray[np.int64], where: str) -> None:
        """Say how many of the rows held out occur among the training rows as well."""
        marks = self._marks
        # Most rows are told apart by a part of their numbers, which needs no sorting.
        seen = np.zeros(2**22, dtype=bool)
        low = marks & np.uint64(len(seen) - 1)
        seen[low[held]] = True
        repeated = int(np.isin(marks[held], marks[train][seen[low[train]]]).sum())
        if repeated:
            _log.warning(
                "%s: %d of %d rows held out are training rows as well, value for value; estimates on them tell less "
                "than on rows never seen",
                where,
                repeated,
                len(held),
            )
