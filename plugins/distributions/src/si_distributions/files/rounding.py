"""Whole numbers that no float64 has: they are rounded, and the user is told."""

from __future__ import annotations

import logging

import numpy as np
from numpy.typing import NDArray

from si_distributions.files.contents import Contents
from si_distributions.files.row_store import RowStore, in_turn

__all__ = ["warn_of_rounding"]

_EXACT = 2**53  # whole numbers up to here are exact as doubles
_log = logging.getLogger(__name__)


def warn_of_rounding(contents: Contents, where: str) -> None:
    """Name the columns of whole numbers that go beyond 2^53: identifiers, times in nanoseconds, hashes."""
    values = contents.values
    if (values.dtype.kind in "iu" and values.dtype.itemsize < 8) or values.dtype.kind not in "iuf":
        return
    arrays = isinstance(values, RowStore) or (contents.lines is None and contents.names is None)
    if values.dtype.kind == "f" and arrays:
        return  # an array of floats has lost nothing on the way here
    large = np.zeros(int(np.prod(contents.shape[1:])), dtype=bool)
    for _, block in in_turn(values):
        if not (block.max() < _EXACT and block.min() > -_EXACT):  # also where some are NaN
            large |= _beyond(block.reshape(len(block), -1))
    if not large.any():
        return
    places = np.flatnonzero(large)[:5]
    listed = ", ".join(contents.names[i] if contents.names else f"column {i}" for i in places)
    _log.warning(
        "%s: whole numbers beyond 2^53 are rounded to float64: %s (%d of %d); leave out with columns what only "
        "identifies rows",
        where,
        listed,
        int(large.sum()),
        large.size,
    )


def _beyond(block: NDArray[np.generic]) -> NDArray[np.bool_]:
    """Which columns have whole numbers beyond 2^53; of floats those that have nothing but."""
    if block.dtype.kind in "iu":
        return ((block > _EXACT) | (block < -_EXACT)).any(0) if block.dtype.kind == "i" else (block > _EXACT).any(0)
    with np.errstate(invalid="ignore"):
        large = (np.abs(block) >= _EXACT) & np.isfinite(block)  # 2^53 + 1 was read as 2^53
    found = large.any(0)
    for i in np.flatnonzero(found):
        column = block[:, i][np.isfinite(block[:, i])]
        found[i] = bool((column == np.floor(column)).all())
    return found
