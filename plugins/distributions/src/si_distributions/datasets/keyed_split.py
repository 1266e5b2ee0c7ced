"""A split into training rows and rows held out that is computed, not stored: each piece holds out its part.

Piece c of m rows holds out ``h = round(f C) - round(f (C - m))`` of them, C the rows up to its end: those at the first
h places of a permutation of the piece. So a training row is found from its number by two searches and one permutation.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from si_core import DataError
from si_distributions.datasets.permutation import permuted
from si_distributions.options import fraction, whole

__all__ = ["KeyedSplit"]


class KeyedSplit:
    """Training rows and rows held out of data in pieces.

    Args:
        pieces: the rows of each.
        held_out: the fraction of the rows that is held out; above 0, one row at least.
        seed: which rows these are.
        where: the data set, for errors.

    Attributes:
        train_sizes: training rows of each piece.
        size: training rows in all.
        held_size: rows held out in all.

    Raises:
        DataError: no rows are left to train on.
    """

    def __init__(self, pieces: Sequence[int], held_out: float, seed: int, where: str) -> None:
        held_out, self._seed = fraction(held_out, "held_out", where), whole(seed, "split_seed", where, 0)
        self._sizes = np.asarray(pieces, dtype=np.int64)
        ends = np.cumsum(self._sizes)
        total = int(ends[-1])
        held = np.diff(np.floor(held_out * ends + 0.5).astype(np.int64), prepend=0)
        if held_out > 0 and not held.any():
            held[int(self._sizes.argmax())] = 1
        if held.sum() >= total:
            got = f"{total} rows, {int(held.sum())} of them held out"
            raise DataError("no rows are left to train on", where=where, got=got, fix="lower held_out")
        self._starts, self._held = ends - self._sizes, held
        self.train_sizes = self._sizes - held
        self.size, self.held_size = int(self.train_sizes.sum()), int(held.sum())

    def train(self, index: NDArray[np.int64]) -> NDArray[np.int64]:
        """The rows of training rows by their numbers, (n,)."""
        return self._rows(index, self.train_sizes, self._held)

    def held(self, most: int) -> NDArray[np.int64]:
        """The first so many of the rows held out, in a random order."""
        index = permuted(np.arange(min(most, self.held_size)), max(self.held_size, 1), self._seed)
        return self._rows(index, self._held, np.zeros_like(self._held))

    def described(self) -> str:
        """What it is made of, for a digest."""
        return f"{self._seed} {self._sizes.tolist()} {self._held.tolist()}"

    def _rows(self, index: NDArray[np.int64], sizes: NDArray[np.int64], first: NDArray[np.int64]) -> NDArray[np.int64]:
        if not self.held_size:
            return index
        ends = np.cumsum(sizes)
        pieces = np.searchsorted(ends, index, side="right")
        rows = np.empty_like(index)
        for c in np.unique(pieces).tolist():
            here = pieces == c
            places = index[here] - (ends[c] - sizes[c]) + first[c]
            rows[here] = self._starts[c] + permuted(places, int(self._sizes[c]), self._seed, c)
        return rows
