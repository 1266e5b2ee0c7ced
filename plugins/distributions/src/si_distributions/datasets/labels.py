"""Class labels: from what a file holds to 0..C-1."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from si_core import DataError

__all__ = ["number_labels"]

_EXACT = 2**53  # whole numbers up to here are exact as floats


def number_labels(labels: NDArray[np.generic], rows: int, where: str) -> tuple[NDArray[np.int64], tuple[str, ...]]:
    """Labels 0..C-1, shape (N,), and the names of the classes in that order.

    The distinct values in rising order get the numbers; text that reads as whole numbers is ordered as numbers.

    Raises:
        DataError: not one label a row, a row without a label, or numbers that are not whole.
    """
    if labels.shape != (rows,):
        raise DataError("one label for each row", where=where, got=f"shape {labels.shape}", allowed=f"shape ({rows},)")
    if labels.dtype.kind not in "iubfUS":
        raise DataError("labels are whole numbers or text", where=where, got=f"dtype {labels.dtype}")
    kind = labels.dtype.kind
    if kind == "S":
        labels, kind = np.array([name.decode("utf-8", "replace") for name in labels.tolist()]), "U"
    missing = ~np.isfinite(labels) if kind == "f" else (labels == "") if kind == "U" else np.zeros(rows, dtype=bool)
    if missing.any():
        got = f"{int(missing.sum())} of {rows} rows, the first row {int(missing.argmax())}"
        raise DataError(
            "rows without a label", where=where, got=got, fix="give them a label or leave them out of the file"
        )
    if kind == "f":
        broken = (labels != np.round(labels.astype(np.float64))) | (np.abs(labels) > _EXACT)
        if broken.any():
            got = f"{labels[broken][0]} in row {int(broken.argmax())}"
            raise DataError("labels must be whole", where=where, got=got, fix="is it a class at all?")
    whole = _whole(labels)
    values, numbered = np.unique(labels if whole is None else whole, return_inverse=True)
    return numbered.reshape(-1).astype(np.int64), tuple(str(value) for value in values)


def _whole(labels: NDArray[np.generic]) -> NDArray[np.int64] | None:
    """The labels as integers, or None for text that is not written as whole numbers are (01 is another name than 1)."""
    try:
        whole = labels.astype(np.int64)
    except (ValueError, OverflowError):
        return None
    return whole if labels.dtype.kind != "U" or bool((whole.astype(str) == labels).all()) else None
