"""Columns of times: dates as texts or as a file's own dates, or numbers."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from si_core import DataError

__all__ = ["read_times"]


def read_times(cells: NDArray[np.generic], name: str, where: str) -> tuple[NDArray[np.float64], bool]:
    """Times as numbers, and whether they are dates.

    Dates are written as ISO 8601 has them, 2024-01-31 or 2024-01-31T13:00:00, without time zones; of those all are
    seconds since 1970-01-01. Anything else must be numbers, in a unit of their own.

    Args:
        cells: texts, dates or numbers, shape (N,).
        name: of the column.
        where: the file.

    Raises:
        DataError: a cell that is neither, with its row; a time zone.
    """
    if cells.dtype.kind in "iuf":
        return cells.astype(np.float64), False
    if cells.dtype.kind == "M":
        return _seconds(cells), True
    texts = np.array([str(cell).strip() for cell in cells.tolist()])
    try:
        return texts.astype(np.float64), False
    except ValueError:
        found = [_date(text, name, row, where) for row, text in enumerate(texts.tolist())]
    return _seconds(np.array(found, dtype="datetime64[us]")), True


def _seconds(found: NDArray[np.generic]) -> NDArray[np.float64]:
    micro = found.astype("datetime64[us]")
    seconds = micro.astype("int64").astype(np.float64) / 1e6
    return np.where(np.isnat(micro), np.nan, seconds)


def _date(text: str, name: str, row: int, where: str) -> np.datetime64:
    try:
        # numpy reads a time zone with a warning and takes it off; what it would mean is nothing to guess.
        if text.endswith("Z") or "+" in text[10:] or "-" in text[10:]:
            raise ValueError("a time zone")
        found = np.datetime64(text.replace(" ", "T", 1), "us")
        if np.isnat(found):
            raise ValueError("no date")
        return found
    except ValueError as error:
        raise DataError(
            f"a cell of the column of times {name!r} is no time",
            where=where,
            got=f"{text[:40]!r} in row {row}",
            allowed="dates as 2024-01-31 or 2024-01-31T13:00:00, without a time zone, or numbers",
            fix="write the times so, in one time zone, or leave `time` out",
        ) from error
