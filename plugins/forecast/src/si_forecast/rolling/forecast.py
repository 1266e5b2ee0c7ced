"""Forecasts in Python."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from si_core import DataError, Model, refuse_beyond_memory
from si_core.public.runs import in_place
from si_forecast.data.segments import OFF
from si_forecast.data.series_data import dates
from si_forecast.rolling.of_model import of_file, rows_of
from si_forecast.rolling.roll_out import RollOut, check_model
from si_forecast.rolling.starts import Starts, held_out_starts, last_starts

__all__ = ["Forecast", "forecast", "starts_of"]


@dataclass(frozen=True, eq=False)
class Forecast:
    """Forecasts of series, in the units of the data.

    Args:
        x: shape (members, S, steps, *event).
        leads: 1, ..., steps, in steps of the model, shape (steps,).
        series: the name of the series of each start.
        rows: the row of the newest state of each start within its series, shape (S,).
        times: of what is forecast, shape (S, steps): dates, or numbers in the unit of the data; None where rows are
            counted, or steps take unequal times.
    """

    x: Tensor
    leads: NDArray[np.int64]
    series: tuple[str, ...]
    rows: NDArray[np.int64]
    times: NDArray[Any] | None


def starts_of(model: Model, start_from: str | Path = "end", steps: int = 1, most: int = 200) -> Starts:
    """Where forecasts start.

    Args:
        model: the model.
        start_from: ``end``, the last states of the series that it was trained on; ``held-out``, states from which all
            ``steps`` are held out; or the path of another file of such series, whose last states are taken.
        steps: of the forecasts, for held-out starts.
        most: how many held-out starts there are at most.

    Raises:
        MissingDataError: the series of the training are gone.
        DataError, UsageError: there are no such states.
    """
    check_model(model)
    if start_from == "held-out":
        return held_out_starts(rows_of(model), steps, most)[0]
    if start_from == "end":
        with in_place("say from where (start_from=..., --start-from FILE)"):
            rows = rows_of(model)
        return last_starts(rows.data, rows.layout, rows.frame)
    data, layout = of_file(model, Path(start_from))
    starts = last_starts(data, layout, model.process.target.frame)
    return _relabelled(_in_steps_of(model, starts, data.where), model, layout.given_group)


def _in_steps_of(model: Model, starts: Starts, where: str) -> Starts:
    """The starts of another file, whose steps are those of the training, as far as its series are still there.

    Raises:
        DataError: rows that are another time apart; one row a series, so that no time to come is known where the
            calendar asks for it.
    """
    if starts.times is None or not starts.even:
        return starts
    due = _step_of_training(model)
    if math.isnan(starts.step):
        if due is None and starts.features:
            fix = "give two rows of each series, or the data of the training"
            raise DataError("the calendar of one row does not say how long a step is", where=where, fix=fix)
        return replace(starts, step=math.nan if due is None else due, even=due is not None)
    if due is not None and abs(starts.step - due) > OFF * due:
        unit = " s" if starts.dated else ""
        raise DataError(
            "a step takes another time than in the series of the training",
            where=where,
            got=f"{starts.step:g}{unit}",
            allowed=f"{due:g}{unit}",
        )
    return starts


def _step_of_training(model: Model) -> float | None:
    """The time of a step; None where rows were counted, or the data are gone."""
    try:
        rows = rows_of(model)
    except DataError:  # gone, or no more those of the training
        return None
    return None if rows.data.times is None else rows.stretches.step * rows.layout.ahead


def _relabelled(starts: Starts, model: Model, name: str | None) -> Starts:
    """The starts with the places that their series have among the classes of the model."""
    if name is None:
        return starts
    classes = list(model.process.conditions[name].classes or ())
    places = torch.tensor([classes.index(series) for series in starts.series])
    given = {**starts.given, name: places}
    return Starts(**{**vars(starts), "given": given})


def forecast(
    model: Any,
    steps: int,
    members: int = 100,
    *,
    start_from: str | Path = "end",
    most: int = 200,
    seed: int = 0,
) -> Forecast:
    """Roll a model of series out, in memory.

    Args:
        model: a :class:`si_core.Model`, from :func:`si_core.train` or :func:`si_core.load_model`, or what
            :func:`si_core.fit` gave.
        steps: how many steps, each ``ahead`` rows.
        members: how many forecasts from each start.
        start_from, most: as for :func:`starts_of`.
        seed: equal seeds give equal forecasts.

    Raises:
        UsageError: a model that can't forecast, or numbers that are none.
        DataError: no states to start from.
        NumericsError: more than there is memory for, or a forecast that is not finite.
    """
    own = getattr(model, "model", model)
    checked = Model.checked(own)
    starts = starts_of(checked, start_from, steps, most)
    asked = RollOut(checked, starts, steps, members, seed)
    shape = checked.process.shape
    needed = 2 * asked.n * steps * int(np.prod(shape, dtype=np.int64)) * 4
    refuse_beyond_memory(needed, "the forecasts", where="forecast", fix="si forecast, which writes block by block")
    x = torch.cat(list(asked.blocks()))
    times = starts.times_ahead(steps)
    return Forecast(
        x.reshape(members, len(starts), steps, *shape),
        np.arange(1, steps + 1),
        starts.series,
        starts.rows,
        dates(times) if times is not None and starts.dated else times,
    )
