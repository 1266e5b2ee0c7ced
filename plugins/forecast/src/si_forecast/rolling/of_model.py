"""What a model says of the series it was trained on: its windows, and how files of such series are read."""

from __future__ import annotations

import inspect
from pathlib import Path

from si_core import DataError, Model, UsageError
from si_core.public.recipes import buildable_options
from si_forecast.data.layout import Layout
from si_forecast.data.series import read_windows
from si_forecast.data.series_data import SeriesData
from si_forecast.data.series_rows import SeriesRows

__all__ = ["of_file", "rows_of"]


def rows_of(model: Model) -> SeriesRows:
    """The windows that a model was trained on.

    Raises:
        UsageError: its target is no series.
        MissingDataError: a loaded model whose data are gone.
    """
    target = model.process.target.itself
    if not isinstance(target, SeriesRows):
        got, fix = type(target).__name__, "target: {use: series, path: ...}"
        raise UsageError("forecasts are of models of series", where="the target", got=got, fix=fix)
    return target


def of_file(model: Model, path: Path) -> tuple[SeriesData, Layout]:
    """The series of another file, read as the one of a model's recipe was, and the model's windows.

    The data of the training are not asked for: they may be gone.

    Raises:
        UsageError: the model has no recipe that names a file of series.
        DataError: the file can't be read so, or has another series or other columns than the model knows.
    """
    selection = None if model.recipe is None else model.recipe.target
    if selection is None or selection.in_memory or selection.name.rpartition("/")[2] != "series":
        fix = "leave --start-from out to start where the model's own series ends"
        raise UsageError("only models of series on file say how such a file is read", where="--start-from", fix=fix)
    read = inspect.signature(read_windows).parameters
    options = {name: value for name, value in buildable_options(selection).items() if name in read}
    data, layout = read_windows(**{**options, "path": path})
    frame = model.process.target.frame
    if data.shape != tuple(frame.shape) or (frame.columns is not None and data.columns != frame.columns):
        got = f"states of shape {data.shape}" + (f", {', '.join(data.columns)}" if data.columns else "")
        allowed = f"shape {tuple(frame.shape)}" + (f", {', '.join(frame.columns)}" if frame.columns else "")
        raise DataError("other states than the model forecasts", where=str(path), got=got, allowed=allowed)
    if layout.given_group is not None:
        _refuse_unknown(data, model, layout.given_group)
    return data, layout


def _refuse_unknown(data: SeriesData, model: Model, name: str) -> None:
    """Refuse series whose names the model does not know."""
    classes = model.process.conditions[name].classes or ()
    for each in data.names:
        if each not in classes:
            allowed = ", ".join(classes[:8]) + (", ..." if len(classes) > 8 else "")
            raise DataError("a series that the model does not know", where=data.where, got=each, allowed=allowed)
