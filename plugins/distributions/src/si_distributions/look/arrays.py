"""Arrays: one in a .npy file, several by name in a .npz file, of which the largest has the rows."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from si_core import DataError
from si_distributions.datasets.labels import missing_labels
from si_distributions.files.blocks import blocks
from si_distributions.files.damaged import reading_bytes
from si_distributions.files.read import SUFFIXES, opened, read
from si_distributions.look.found import Column, FoundTable
from si_distributions.look.tables import classes_of, columns_of_numbers

__all__ = ["look_at_array", "look_at_arrays"]

_MOST_COLUMNS = 100
"""Columns without names beyond which none is looked at by itself: nobody goes through more."""


def look_at_array(path: str) -> FoundTable:
    """A .npy file."""
    return _of(path, read(path).values, None)


def look_at_arrays(path: str) -> FoundTable:
    """A .npz file: its largest array of several axes has the rows, others with a value for each may be classes."""
    with opened(path, SUFFIXES), reading_bytes(path), np.load(path, allow_pickle=False) as archive:
        arrays = {name: archive[name] for name in archive.files}
    sizes = {name: array.size for name, array in arrays.items() if array.dtype.kind in "fiub" and array.ndim > 0}
    if not sizes:
        allowed = "an array of numbers (N, *event)"
        raise DataError(
            "no array holds rows of numbers", where=path, got=", ".join(arrays) or "nothing", allowed=allowed
        )
    key = max(sizes, key=lambda name: (arrays[name].ndim > 1, sizes[name]))
    values = read(path, key=key).values
    beside = [
        Column(name, array.dtype.kind in "fiub", int(missing_labels(array).sum()), _classes(array))
        for name, array in arrays.items()
        if name != key and array.shape == (len(values),) and array.dtype.kind in "fiubUS"
    ]
    return _of(path, values, key if len(arrays) > 1 else None, tuple(beside))


def _of(path: str, values: NDArray[np.generic], key: str | None, beside: tuple[Column, ...] = ()) -> FoundTable:
    shape = values.shape[1:]
    own = len(shape) == 1 and shape[0] <= _MOST_COLUMNS
    columns = columns_of_numbers(list(range(shape[0])), values) if own else []
    lacking = 0
    if values.dtype.kind == "f":
        for _, block in blocks(values):
            lacking += int((~np.isfinite(block.reshape(len(block), -1))).any(1).sum())
    return FoundTable(path, len(values), shape, tuple(columns), lacking, key, beside, values.dtype == np.uint8)


def _classes(labels: NDArray[np.generic]) -> tuple[str, ...]:
    whole = labels.dtype.kind != "f" or bool((labels == np.floor(labels)).all())
    return classes_of(labels) if whole else ()
