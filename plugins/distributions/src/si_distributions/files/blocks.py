"""Going through the rows of an array in blocks, so that a memory-mapped file never lies in memory as a whole."""

from __future__ import annotations

import mmap
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

__all__ = ["blocks", "map_of"]

_NUMBERS = 2**17  # in a block: about what a processor's cache holds
_HELD = 2**23  # bytes of a file in memory at a time


def blocks(values: NDArray[np.generic]) -> Iterator[tuple[int, NDArray[np.generic]]]:
    """The rows in turn, as views, with the number of the first; the pages of a file are let go on the way."""
    step = max(1, _NUMBERS // max(1, int(np.prod(values.shape[1:]))))
    pages, held = map_of(values), 0
    rows = values.view(np.ndarray)  # a slice of a memmap costs more
    for start in range(0, len(rows), step):
        block = rows[start : start + step]
        yield start, block
        held += block.nbytes
        if pages is not None and hasattr(mmap, "MADV_DONTNEED") and (held > _HELD or start + step >= len(rows)):
            pages.madvise(mmap.MADV_DONTNEED)
            held = 0


def map_of(values: NDArray[np.generic]) -> mmap.mmap | None:
    """The memory map that an array is a view of."""
    base: object = values
    while isinstance(base, np.ndarray):
        base = base.base
    return base if isinstance(base, mmap.mmap) else None
