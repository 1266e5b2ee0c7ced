"""Series of arrays in memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray

from si_core import DataError
from si_forecast.data.calendar import Feature
from si_forecast.data.layout import Layout
from si_forecast.data.segments import Gaps
from si_forecast.data.series_data import SeriesData, as_states
from si_forecast.data.series_rows import SeriesRows
from si_forecast.data.times import read_times
from si_forecast.data.transforms import Transform, transformed

__all__ = ["series"]


def series(
    values: Any,
    *,
    times: Any = None,
    names: Sequence[str] | None = None,
    columns: Sequence[str] | None = None,
    static: Mapping[str, Any] | None = None,
    given_group: bool = False,
    calendar: Sequence[Feature] = (),
    past: int = 1,
    ahead: int = 1,
    transform: Transform = "none",
    gaps: Gaps = "refuse",
    missing: Literal["refuse", "split"] = "refuse",
    standardise: bool = True,
    held_out: float = 0.2,
    dtype: Literal["float32", "float64"] = "float32",
    order: Literal["replacement", "shuffled"] = "replacement",
) -> SeriesRows:
    """The distribution ``series`` of arrays: the target of a recipe given as a mapping, or of :func:`si_core.fit`.

    Args:
        values: one series, shape (N,) or (N, *event), or a list of series of any lengths.
        times: of the rows, as numbers or dates, shape (N,); a list of such where there are several series.
        names: of the series; by default 0, 1, ...
        columns: the names of the entries of a state (d,).
        static: numbers that each series has once, by name, each (S,).
        given_group: whether networks are given the name of the series, as the label ``series``.
        calendar, past, ahead, transform, gaps, missing, standardise, held_out, dtype, order: as for the component
            ``series``.

    Raises:
        DataError: series of other shapes, or as for the component.
    """
    several = isinstance(values, list | tuple) and len(values) > 0 and _rank(values[0]) > 0
    parts = [_states(part) for part in (values if several else [values])]
    if len({part.shape[1:] for part in parts}) > 1:
        shapes = ", ".join(str(part.shape) for part in parts[:5])
        raise DataError("all series have states of one shape", where="series", got=shapes)
    if columns is not None and parts[0].shape[1:] != (len(columns),):
        got = f"{len(columns)} names for states of shape {parts[0].shape[1:]}"
        raise DataError("columns: one for each entry of a state (d,)", where="series", got=got)
    labels = tuple(str(name) for name in (range(len(parts)) if names is None else names))
    own = {name: np.asarray(column, dtype=np.float64).reshape(-1) for name, column in (static or {}).items()}
    for what, count in (("names", len(labels)), *((name, len(column)) for name, column in own.items())):
        if count != len(parts):
            raise DataError(f"{what}: one for each series", where="series", got=f"{count} for {len(parts)} series")
    clock, dated = _clock(times, parts, several)
    data = SeriesData.of_parts(
        parts,
        labels if several else ("",),
        "series",
        columns=None if columns is None else tuple(columns),
        times=clock,
        dated=dated,
        static=own,
    )
    layout = Layout(past, ahead, tuple(calendar), "series" if given_group else None, gaps)
    return SeriesRows(transformed(data, transform, gaps), layout, standardise, held_out, missing, dtype, order)


def _array(part: Any) -> NDArray[Any]:
    """An array or a tensor, wherever it is, as numpy has it."""
    return np.asarray(part.detach().cpu() if isinstance(part, torch.Tensor) else part)


def _rank(part: Any) -> int:
    return part.ndim if isinstance(part, torch.Tensor) else np.ndim(part)


def _states(part: Any) -> NDArray[np.float64]:
    allowed = "real numbers of shape (N,) or (N, *event)"
    try:
        given = _array(part)
        found = None if np.iscomplexobj(given) else given.astype(np.float64)
    except (TypeError, ValueError) as error:
        raise DataError("a series is made of numbers", where="series", got=str(error), allowed=allowed) from error
    if found is None or not found.ndim:
        got = type(part).__name__ if found is not None else "complex numbers"
        raise DataError("a series is made of numbers", where="series", got=got, allowed=allowed)
    return as_states(found)


def _clock(times: Any, parts: list[NDArray[np.float64]], several: bool) -> tuple[NDArray[np.float64] | None, bool]:
    if times is None:
        return None, False
    given = [_array(part) for part in (times if several else [times])]
    if any(part.ndim != 1 for part in given):
        got = ", ".join(str(part.shape) for part in given[:5])
        allowed = "times (N,) of one series; a list of such, one for each, of several"
        raise DataError("times of the rows", where="series", got=f"shapes {got}", allowed=allowed)
    found = [read_times(part, "times", "series") for part in given]
    lengths, due = [len(part) for part, _ in found], [len(part) for part in parts]
    if lengths != due:
        raise DataError("one time for each row", where="series", got=f"{lengths[:5]} for {due[:5]} rows")
    return np.concatenate([part for part, _ in found]), all(dated for _, dated in found)
