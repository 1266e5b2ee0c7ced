"""Class labels: from what a file holds to 0..C-1."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from si_core import DataError, class_names, number_of
from si_distributions.files.cells import is_missing

__all__ = ["check_labels", "missing_labels", "number_labels"]

_NO_NAMES = ("", "?", "NA", "N/A", "n/a", "NaN", "nan", "null", "NULL", "<NA>", "#N/A")
"""Texts that are no names of classes: a class may well be called None, or Nan."""


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
    """Which rows have no label, shape (N,): empty text and such as NA or ?, and NaN.

    Among labels that are numbers, every spelling of a missing number counts.
    """
    if labels.dtype.kind == "f":
        return ~np.isfinite(labels)
    if labels.dtype.kind not in "US":
        return np.zeros(labels.shape, dtype=bool)
    texts = _texts(labels)
    distinct = set(texts)
    lacking = {text for text in distinct if is_missing(text)}
    if any(number_of(text) is None for text in distinct - lacking):
        lacking &= set(_NO_NAMES)
    return np.fromiter((text in lacking for text in texts), dtype=bool, count=len(texts))


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
    values, numbered = _numbered(labels)
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


def _numbered(labels: NDArray[np.generic]) -> tuple[list[object], NDArray[np.int64]]:
    """The distinct labels in rising order, and the place of each row's among them."""
    if labels.dtype.kind not in "US":
        values, numbered = np.unique(
            labels.astype(np.int64) if labels.dtype.kind == "b" else labels, return_inverse=True
        )
        return list(values), numbered
    texts = _texts(labels)
    distinct = sorted(set(texts))
    places = {text: place for place, text in enumerate(distinct)}
    return list(distinct), np.fromiter((places[text] for text in texts), dtype=np.int64, count=len(texts))


def _texts(labels: NDArray[np.generic]) -> list[str]:
    texts = labels.tolist()
    return [text.decode("utf-8", "replace") for text in texts] if labels.dtype.kind == "S" else texts
