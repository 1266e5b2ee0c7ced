"""What one cell of a text table means: a number, a truth value, nothing, or text."""

from __future__ import annotations

import contextlib
import re
from typing import Literal

__all__ = ["FALSE", "MISSING", "TRUE", "Decimal", "comma_number", "is_missing", "is_truth", "number", "point_number"]

Decimal = Literal[".", ","]

MISSING = ("", "?", "NA", "N/A", "NaN", "null", "None", "<NA>", "#N/A")
"""How a missing value is written, in letters of any case."""

TRUE, FALSE = ("true",), ("false",)
_MISSING = {text.lower() for text in MISSING}
_COMMA = re.compile(r"[+-]?(\d+,\d*|,\d+)([eE][+-]?\d+)?", re.ASCII)
_POINT = re.compile(r"[+-]?(\d+\.\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)


def is_missing(cell: str) -> bool:
    """Whether a cell says that there is no value."""
    return len(cell) <= 4 and cell.lower() in _MISSING


def is_truth(cell: str) -> bool:
    """Whether a cell is true or false, in letters of any case."""
    return len(cell) <= 5 and cell.lower() in (*TRUE, *FALSE)


def comma_number(cell: str) -> bool:
    """Whether a cell is a number with a decimal comma, such as ``1,5``."""
    return _COMMA.fullmatch(cell) is not None


def point_number(cell: str) -> bool:
    """Whether a cell is a number with a decimal point, such as ``1.5``."""
    return _POINT.fullmatch(cell) is not None


def number(cell: str, decimal: Decimal = ".") -> float | None:
    """The number of a cell, 0 or 1 for a truth value, NaN where it is missing; None for text."""
    # float() also reads 1_000 and digits of other scripts, which no table means.
    if "_" not in cell and cell.isascii() and (decimal == "." or "." not in cell):
        with contextlib.suppress(ValueError):
            return float(cell if decimal == "." else cell.replace(",", "."))
    if is_missing(cell):
        return float("nan")
    return float(cell.lower() in TRUE) if is_truth(cell) else None
