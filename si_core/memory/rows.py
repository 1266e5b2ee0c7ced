"""Rows that somebody gives in memory, read into numbers by the columns of a layout."""

from __future__ import annotations

from typing import Any

import numpy as np

from si_core.errors import DataError
from si_core.memory.containers import (
    Container,
    array_of,
    column_names,
    column_of,
    container_of,
    is_frame,
    is_series,
)
from si_core.memory.layout import Array, Layout
from si_core.memory.numbers import numbers

__all__ = ["read_rows"]


def read_rows(
    data: Any,
    names: tuple[str | int, ...] | None = None,
    left_out: tuple[str | int, ...] = (),
    where: str = "X",
    like: Layout | None = None,
) -> tuple[Array, Layout]:
    """Rows as numbers (n, *event), at least one number each, and how they came.

    Args:
        data: an array, tensor, nested lists, or a frame.
        names: of the columns of a table; for a frame, those to take.
        left_out: columns of a frame that are no data.
        where: for errors.
        like: how the rows came that these are compared with: times are counted in the same units.

    Raises:
        DataError: what holds no numbers, or has no rows; times in place of other numbers.
    """
    container = container_of(data)
    if is_frame(data):
        return _read_frame(data, container, names, left_out, where, like)
    found, dtype = array_of(data, where)
    values = numbers(found, where, None if like is None else like.dtype_of(None))
    if values.ndim == 0:
        raise DataError("one number is no data", where=where, got=repr(data)[:80], allowed="rows (n, ...)")
    single = values.ndim == 1
    values = values[:, None] if single else values
    if names is None and is_series(data) and data.name is not None:
        names = (data.name if isinstance(data.name, str | int) else str(data.name),)
    if names is not None and values.shape[1:] != (len(names),):
        got = f"{len(names)} names for rows of shape {values.shape[1:]}"
        raise DataError("one name for each column", where=where, got=got, allowed="names of a table (n, d)")
    on_device = container == "torch" and data.device.type != "cpu"
    return values, Layout(container, (dtype,), names, single, on_device=on_device)


def _read_frame(
    frame: Any,
    container: Container,
    names: tuple[str | int, ...] | None,
    left_out: tuple[str | int, ...],
    where: str,
    like: Layout | None,
) -> tuple[Array, Layout]:
    there = column_names(frame)
    chosen = [name for name in there if name not in left_out] if names is None else [*names]
    for name in chosen:
        if name not in there:
            raise DataError(f"no column {name!r}", where=where, allowed=", ".join(map(str, there)))
        if chosen.count(name) > 1:
            raise DataError(f"the column {name!r} is named twice", where=where, got=", ".join(map(str, chosen)))
    if not chosen:
        raise DataError("no column is left", where=where, got=f"columns {', '.join(map(str, there)) or 'none'}")
    columns = [array_of(column_of(frame, name), f"{where}, column {name!r}") for name in chosen]
    read = [
        numbers(column, f"{where}, column {name!r}", None if like is None else like.dtype_of(name))
        for name, (column, _) in zip(chosen, columns, strict=True)
    ]
    order = tuple(name for name in there if name in chosen or name in left_out)
    values = np.stack([column.astype(np.float64) for column in read], axis=1)
    return values, Layout(container, tuple(dtype for _, dtype in columns), tuple(chosen), order=order)
