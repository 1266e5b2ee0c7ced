"""Bounds of columns as a recipe says them."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import torch
from numpy.typing import NDArray

from si_core import Bounds, DataError, UsageError
from si_distributions.files.contents import Contents

__all__ = ["bounds_of", "refuse_outside"]


def bounds_of(
    given: Mapping[str, tuple[float | None, float | None]],
    shape: tuple[int, ...],
    names: tuple[str, ...] | None,
    where: str,
) -> Bounds:
    """The bounds of the columns of a table.

    Args:
        given: lower and upper by the name or number of a column, None for none.
        shape: of a row; only tables (d,) have columns.
        names: of the columns, where they have any.
        where: the file, for errors.

    Raises:
        UsageError: no such column.
        DataError: rows that are no rows of a table; bounds with nothing between them.
    """
    where = f"{where}: bounds"
    if len(shape) != 1:
        raise DataError("columns have bounds, and there are none", where=where, got=f"events {shape}", allowed="(d,)")
    columns = names or tuple(map(str, range(shape[0])))
    lower = torch.full(shape, -math.inf, dtype=torch.float64)
    upper = torch.full(shape, math.inf, dtype=torch.float64)
    for name, (low, high) in given.items():
        if str(name) not in columns:
            fix = None if names else "columns without names have their number, in quotes: {'0': [0, null]}"
            allowed = ", ".join(columns[:40])
            raise UsageError("no such column", where=where, got=repr(name), allowed=allowed, fix=fix)
        place = columns.index(str(name))
        lower[place] = -math.inf if low is None else low
        upper[place] = math.inf if high is None else high
    return Bounds(lower, upper)


def refuse_outside(contents: Contents, numbers: NDArray[np.int64], bounds: Bounds, where: str) -> None:
    """Refuse a table with rows that do not lie between its bounds; what is missing lies nowhere.

    Args:
        contents: the table (n, d).
        numbers: of the rows to look at.
        bounds: of the columns.
        where: the file, for errors.

    Raises:
        DataError: says how many, and of the first the line, the column and the number.
    """
    values = contents.values[numbers].astype(np.float64)
    lower, upper = (end.numpy() for end in (bounds.lower, bounds.upper))
    outside = ~((values > lower) & (values < upper)) & ~np.isnan(values)
    if not outside.any():
        return
    first = int(outside.any(1).argmax())
    column = int(outside[first].argmax())
    name = str(column) if contents.names is None else contents.names[column]
    raise DataError(
        "rows that do not lie between the bounds",
        where=where,
        got=f"{int(outside.any(1).sum())} of {len(values)} rows; first {contents.row(int(numbers[first]))}, "
        f"column {name!r}: {values[first, column]:g}",
        allowed=f"between {lower[column]:g} and {upper[column]:g}, both left out",
        fix="set the bounds a little beyond what can be measured, or repair the file",
    )
