"""Class labels: from what a file holds to 0..C-1."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from si_core import DataError, class_names, number_of

__all__ = ["check_labels", "missing_labels", "number_labels"]


def check_labels(labels: NDArray[np.generic], rows: int, where: str) -> None:
    """Refuse what can't be labels.

    Raises:
        DataError: not one label a row, or another dtype than whole numbers, floats and text.
    """
    if labels.shape != (rows,):
        raise DataError("one label for each row", where=where, got=f"shape {labels.shape}", allowed=f"shape ({rows},)")
    if labels.dtype.kind not in "iubfUS":
        raise DataError("labels are whole numbers or text", where=where, got=f"dtype {labels.dtype}")


def missing_labels(labels: NDArray[np.generic]) -> NDArray[np.bool_]:
    """Which rows have no label, shape (N,): empty text, and NaN among numbers, also where a text file has it."""
    if labels.dtype.kind == "f":
        return ~np.isfinite(labels)
    if labels.dtype.kind not in "US":
        return np.zeros(labels.shape, dtype=bool)
    texts = _texts(labels)
    nan = np.char.lower(texts) == "nan"
    if nan.any() and any(number_of(str(text)) is None for text in np.unique(texts[~nan & (texts != "")])):
        nan[:] = False
    return nan | (texts == "")


def number_labels(labels: NDArray[np.generic], rows: int, where: str) -> tuple[NDArray[np.int64], tuple[str, ...]]:
    """Labels 0..C-1, shape (N,), and the names of the classes in that order, by the rule of :func:`si.class_names`.

    Raises:
        DataError: not one label a row, a row without a label, or numbers that name hardly any rows in common.
    """
    check_labels(labels, rows, where)
    missing = missing_labels(labels)
    if missing.any():
        got = f"{int(missing.sum())} of {rows} rows, the first row {int(missing.argmax())}"
        raise DataError(
            "rows without a label", where=where, got=got, fix="give them a label or leave them out of the file"
        )
    if labels.dtype.kind == "b":
        labels = labels.astype(np.int64)
    values, numbered = np.unique(_texts(labels) if labels.dtype.kind == "S" else labels, return_inverse=True)
    names, places = class_names([str(value) for value in values])
    broken = [name for name in names if isinstance(number_of(name), float)]
    if broken and 2 * len(names) > rows:
        raise DataError(
            "labels must be whole numbers, or names that rows have in common",
            where=where,
            got=f"{broken[0]}, one of {len(names)} values in {rows} rows",
            fix="is it a class at all? Numbers that networks are given stand in conditions",
        )
    return np.array(places, dtype=np.int64)[numbered.reshape(-1)], names


def _texts(labels: NDArray[np.generic]) -> NDArray[np.str_]:
    if labels.dtype.kind == "S":
        return np.array([name.decode("utf-8", "replace") for name in labels.tolist()])
    return labels.astype(np.str_)
