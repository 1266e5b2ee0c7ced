"""Rows of an array as a tensor, without a second copy of either."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from si_distributions.files.blocks import blocks

__all__ = ["stored"]


def stored(
    values: NDArray[np.generic],
    index: NDArray[np.int64],
    encode: Callable[[Tensor], Tensor] | None,
    dtype: torch.dtype,
) -> Tensor:
    """``encode(values[index])``, contiguous, shape (n, *event).

    The array is read once, in the order in which it lies in its file, and each row goes to its places: a permutation
    of a file larger than memory would read it again for every block.

    Args:
        values: all rows.
        index: of the rows wanted, none of them twice.
        encode: of blocks in float64; None to take them as they are.
        dtype: of the result.
    """
    out = torch.empty((len(index), *values.shape[1:]), dtype=dtype)
    place = np.full(len(values), -1, dtype=np.int32 if len(values) < 2**31 else np.int64)
    place[index] = np.arange(len(index), dtype=place.dtype)
    for start, block in blocks(values):
        to = place[start : start + len(block)]
        wanted = to >= 0
        rows = block[wanted]
        # Files may have axes in any order, and bytes in that of another machine.
        rows = np.ascontiguousarray(rows, dtype=rows.dtype.newbyteorder("=") if encode is None else np.float64)
        tensor = torch.from_numpy(rows)
        out[torch.from_numpy(to[wanted].astype(np.int64))] = (tensor if encode is None else encode(tensor)).to(dtype)
    return out
