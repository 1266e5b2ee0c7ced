"""Class labels: from what a file holds to 0..C-1."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from si_core import DataError

__all__ = ["number_labels"]


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
    if labels.dtype.kind == "S":
        labels = np.char.decode(labels, "utf-8", "replace")
    missing = (
        np.isnan(labels) if labels.dtype.kind == "f" else labels == "" if labels.dtype.kind == "U" else np.zeros(rows)
    )
    if missing.any():
        got = f"{int(missing.sum())} of {rows} rows, the first row {int(missing.argmax())}"
        raise DataError(
            "rows without a label", where=where, got=got, fix="give them a label or leave them out of the file"
        )
    whole = _whole(labels)
    values, numbered = np.unique(labels if whole is None else whole, return_inverse=True)
    if whole is None and labels.dtype.kind == "f":
        row = int((labels != np.round(labels.astype(np.float64))).argmax())
        raise DataError(
            "labels must be whole", where=where, got=f"{labels[row]} in row {row}", fix="is it a class at all?"
        )
    return numbered.reshape(-1).astype(np.int64), tuple(str(value) for value in values)


def _whole(labels: NDArray[np.generic]) -> NDArray[np.int64] | None:
    """The labels as integers, or None where they are not whole numbers."""
    try:
        return labels.astype(np.int64) if labels.dtype.kind != "f" or (labels == np.round(labels)).all() else None
    except (ValueError, OverflowError):
        return None
