"""Rows of a data set that stay in their files, in the form in which rows in memory are kept: bytes, or model space."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Sequence
from typing import Literal, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from si_core import DataError, Frame, UsageError
from si_distributions.datasets.scaling import Scaling, Spread
from si_distributions.files.marks import Marks
from si_distributions.files.row_store import RowStore

__all__ = ["HELD_ROWS", "FileRows", "Look", "Storage", "encoded", "look_through", "most_held", "stays_on_file"]

Storage = Literal["auto", "memory", "file"]

HELD_ROWS = 512
"""Held-out rows that are given at least."""

_IN_MEMORY = 2**28
"""Bytes up to which data are kept in memory, as the model takes them: gathers are then as fast as they can be."""

_HELD_NUMBERS = 2**24
"""Numbers up to which held-out rows of data on file are given at a time."""

_ENCODED = 2**20
"""Numbers that are encoded at a time, in double precision."""


def stays_on_file(storage: str, count: int, shape: Sequence[int], dtype: torch.dtype, where: str) -> bool:
    """Whether rows stay on file: beyond 256 MiB in memory, or as asked for.

    Raises:
        UsageError: another word.
    """
    if storage not in ("auto", "memory", "file"):
        raise UsageError("no such storage", where=f"{where}: storage", got=repr(storage), allowed="auto, memory, file")
    return storage == "file" or (storage == "auto" and count * math.prod(shape) * dtype.itemsize > _IN_MEMORY)


def most_held(shape: Sequence[int]) -> int:
    """How many held-out rows on file are given at a time: the first so many of a random order, in bounded memory."""
    return max(HELD_ROWS, _HELD_NUMBERS // max(math.prod(shape), 1))


def encoded(rows: NDArray[np.generic], units: Frame, dtype: torch.dtype, named: Callable[[int], str]) -> Tensor:
    """Rows as those in memory are kept: bytes as they are, all else in model space, in a precision.

    Args:
        rows: as a file has them.
        units: of model space.
        dtype: the precision.
        named: how errors name a row, by its place.

    Raises:
        DataError: a number is not finite, in the rows or in that precision.
    """
    if rows.dtype == np.uint8:
        return torch.from_numpy(rows)
    out = torch.empty(rows.shape, dtype=dtype)
    step = max(1, _ENCODED // max(math.prod(rows.shape[1:]), 1))
    for start in range(0, len(rows), step):
        block = units.encode(torch.from_numpy(rows[start : start + step].astype(np.float64))).to(dtype)
        finite = torch.isfinite(block).flatten(1).all(1)
        if not bool(finite.all()):
            problem, fix = f"a number that is not finite in {dtype}", "repair the file, or set standardise: true"
            raise DataError(problem, where=named(start + int((~finite).nonzero()[0])), fix=fix)
        out[start : start + step] = block
    return out


class FileRows:
    """The training rows and those held out of a store.

    Args:
        store: all rows.
        train: which of them are training rows.
        held: which are held out.
        units: of model space.
        dtype: of rows in model space.
        digest: of all rows, from :func:`look_through`.
    """

    def __init__(
        self,
        store: RowStore,
        train: NDArray[np.int64],
        held: NDArray[np.int64],
        units: Frame,
        dtype: torch.dtype,
        digest: bytes,
    ) -> None:
        self._store, self._train, self._held = store, train, held
        self._units, self._dtype, self._digest = units, dtype, digest

    def train(self, index: Tensor) -> Tensor:
        """Training rows by index, on its device."""
        return self._taken(self._train[index.cpu().numpy()]).to(index.device)

    @property
    def held(self) -> Tensor:
        """The rows held out, or the first 2^24 numbers of them in a random order."""
        return self._taken(self._held[: most_held(self._store.shape)])

    def update(self, digest: hashlib._Hash) -> None:
        """Add all rows to a digest, and which of them are held out."""
        for part in (self._digest, np.ascontiguousarray(self._train, "<i8"), np.ascontiguousarray(self._held, "<i8")):
            digest.update(part)

    def _taken(self, index: NDArray[np.int64]) -> Tensor:
        rows = self._store.take(index)
        return encoded(rows, self._units, self._dtype, lambda place: self._store.named(int(index[place])))


class Look(NamedTuple):
    """What one pass over all rows finds.

    Args:
        scaling: that gives the training rows mean 0 and variance 1, where it is asked for.
        digest: SHA-256 of all rows in turn.
    """

    scaling: Scaling | None
    digest: bytes


def look_through(
    store: RowStore,
    train: NDArray[np.int64],
    held: NDArray[np.int64],
    names: tuple[str, ...] | None,
    standardise: bool,
    where: str,
) -> Look:
    """Read all rows once, in turn: their scale and digest, with a warning of rows on both sides of the split.

    Args:
        store: the rows.
        train: which of them are training rows.
        held: which are held out.
        names: of columns.
        standardise: whether the scale is wanted.
        where: the file.

    Raises:
        DataError: as :meth:`.scaling.Spread.scaling`.
    """
    kept = np.zeros(len(store), dtype=bool)
    kept[train] = True
    spread = Spread(store.shape, store.dtype) if standardise else None
    marks = Marks(len(store), store.shape, store.dtype) if len(held) else None
    digest = hashlib.sha256(f"{len(store)} {store.shape} {store.dtype.newbyteorder('=')}".encode())
    for start, block in store.blocks():
        if marks is not None:
            marks.add(start, block)
        if spread is not None:
            spread.add(block[kept[start : start + len(block)]])
        digest.update(np.ascontiguousarray(block, dtype=block.dtype.newbyteorder("<")))
    if marks is not None:
        marks.warn(train, held, where)
    return Look(None if spread is None else spread.scaling(names, where), digest.digest())
