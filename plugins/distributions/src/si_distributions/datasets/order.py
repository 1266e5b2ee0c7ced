"""Which rows a step of training draws: independent ones, or its part of an order in which each comes once an epoch.

The order is a pure function of (key, epoch, place), computed for the places asked for: nothing is kept of what was
drawn, so training goes on in the middle of an epoch, and steps are made ahead by any number of threads, bit for bit.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from functools import lru_cache
from typing import Literal, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from si_core import Distribution, UsageError
from si_distributions.datasets.permutation import permuted
from si_distributions.randomness import device_of, indices

__all__ = ["Epochs", "Order", "Ordered", "ordered"]

Order = Literal["replacement", "shuffled"]


class Epochs:
    """Orders of rows that lie in pieces, each of which is cheap to read as a whole only.

    In an epoch the pieces come in an order of their own, and so many of them at a time are a window, whose rows come in
    any order: what is read of a piece serves many steps. One piece of all rows makes orders without locality.

    Args:
        sizes: the number of rows of each piece, in turn.
        window: pieces that are mixed.
    """

    def __init__(self, sizes: Sequence[int] | NDArray[np.int64], window: int = 1) -> None:
        self._sizes, self._window = np.asarray(sizes, dtype=np.int64), window
        self._first = np.concatenate([[0], np.cumsum(self._sizes)])
        self.size = int(self._first[-1])
        self._table = lru_cache(maxsize=4)(self._epoch)

    def __getstate__(self) -> tuple[NDArray[np.int64], int]:
        return self._sizes, self._window

    def __setstate__(self, state: tuple[NDArray[np.int64], int]) -> None:
        Epochs.__init__(self, *state)

    def at(self, places: NDArray[np.int64], key: int) -> NDArray[np.int64]:
        """The rows at places that count on through the epochs, shape (n,)."""
        rows = np.empty_like(places)
        epochs, within = np.divmod(places, self.size)
        for epoch in np.unique(epochs).tolist():
            here = epochs == epoch
            rows[here] = self._rows(within[here], key, epoch)
        return rows

    def _rows(self, places: NDArray[np.int64], key: int, epoch: int) -> NDArray[np.int64]:
        order, ends, bounds = self._table(key, epoch)
        windows = np.searchsorted(bounds, places, side="right") - 1
        mixed = np.empty_like(places)
        for w in np.unique(windows).tolist():
            here, start, size = windows == w, int(bounds[w]), int(bounds[w + 1] - bounds[w])
            mixed[here] = start + permuted(places[here] - start, size, key, epoch, w)
        at = np.searchsorted(ends, mixed, side="right")
        return self._first[order[at]] + mixed - (ends[at] - self._sizes[order[at]])

    def _epoch(self, key: int, epoch: int) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
        """The pieces in their order, where each ends, and where windows start and end."""
        count = len(self._sizes)
        order = permuted(np.arange(count), count, key, epoch)
        ends = np.cumsum(self._sizes[order])
        return order, ends, np.unique(np.concatenate([[0], ends[self._window - 1 :: self._window], ends[-1:]]))


class Ordered(Distribution):
    """A finite data set that training goes through in an order, or draws from with replacement."""

    _epochs: Epochs | None = None
    _turn: tuple[int, int] | None = None

    def of_step(self, step: int, n: int, key: int) -> Self:
        """The data set at the place in its order that a step of training has; as it is where it has no order."""
        if self._epochs is None:
            return self
        there = copy.copy(self)
        for method in ("draw", "sample", "rows"):
            # Whose first calls are watched has such an attribute for a while: it is a method of the original.
            there.__dict__.pop(method, None)
        there._turn = step * n, key
        return there

    def index(self, n: int, generator: torch.Generator | None) -> Tensor:
        """The n rows that a draw has, (n,): those of the step's turn, or independent ones."""
        if self._turn is None or self._epochs is None:
            return indices(n, self.size or 0, generator)
        start, key = self._turn
        return torch.from_numpy(self._epochs.at(start + np.arange(n), key)).to(device_of(generator))


def ordered(order: str, sizes: Sequence[int] | NDArray[np.int64], window: int, where: str) -> Epochs | None:
    """The orders of an option; None where draws are independent.

    Raises:
        UsageError: another word.
    """
    if order not in ("replacement", "shuffled"):
        raise UsageError("unknown order", where=f"{where}: order", got=repr(order), allowed="replacement, shuffled")
    return Epochs(sizes, window) if order == "shuffled" else None
