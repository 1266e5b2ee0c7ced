"""Going through the rows of an array in blocks, so that a memory-mapped file never lies in memory as a whole."""

from __future__ import annotations

import mmap
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

__all__ = ["blocks"]

_NUMBERS = 2**20  # in a block


def blocks(values: NDArray[np.generic]) -> Iterator[tuple[int, NDArray[np.generic]]]:
    """The rows in turn, as views, with the number of the first; the pages of a file are let go after each."""
    step = max(1, _NUMBERS // max(1, int(np.prod(values.shape[1:]))))
    pages = _map_of(values)
    for start in range(0, len(values), step):
        yield start, values[start : start + step]
        if pages is not None and hasattr(mmap, "MADV_DONTNEED"):
            pages.madvise(mmap.MADV_DONTNEED)


def _map_of(values: NDArray[np.generic]) -> mmap.mmap | None:
    """The memory map that an array is a view of."""
    base: object = values
    while isinstance(base, np.ndarray):
        base = base.base
    return base if isinstance(base, mmap.mmap) else None
