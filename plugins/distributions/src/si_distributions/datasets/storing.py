"""Rows of an array as a tensor, without a second copy of either."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from si_distributions.files.blocks import blocks

__all__ = ["stored"]


def stored(
    values: NDArray[np.generic],
    indices: Sequence[NDArray[np.int64]],
    encode: Callable[[Tensor], Tensor],
    dtype: torch.dtype,
) -> Tensor:
    """``encode(values[index])`` of several indices, one after the other, contiguous, shape (n, *event).

    The array is read once, in the order in which it lies in its file, and each row goes to its place: a permutation of
    a file larger than memory would read it again for every block.

    Args:
        values: all rows.
        indices: of the rows wanted, none of them twice.
        encode: of blocks; whole numbers and floating point come as float64, bytes as they are.
        dtype: of the result.

    Raises:
        OverflowError: a number that is finite in the array is not in the result.
    """
    place = np.full(len(values), -1, dtype=np.int32 if len(values) < 2**31 else np.int64)
    count = 0
    for index in indices:
        place[index] = np.arange(count, count + len(index), dtype=place.dtype)
        count += len(index)
    out = torch.empty((count, *values.shape[1:]), dtype=dtype)
    bytewise = values.dtype == np.uint8
    for start, block in blocks(values):
        to = place[start : start + len(block)]
        wanted = np.flatnonzero(to >= 0)
        # Files have axes in any order, and numbers in the order of bytes of any machine.
        rows = np.ascontiguousarray(block[wanted], dtype=np.uint8 if bytewise else np.float64)
        found = encode(torch.from_numpy(rows)).to(dtype)
        if not bytewise and not np.isfinite(found.numpy()).all():
            raise OverflowError
        out[torch.from_numpy(to[wanted].astype(np.int64))] = found
    return out
