"""Windows of series as a distribution: draws are states x1, with the past that they are forecast from.

In model space a state has mean 0 and variance 1 over the training rows, and past states are in the same units. The
conditions are

=============  =======================  ==============================================================================
``past``       ``(P, *event)``          the past states, the oldest first, in model space
*static*       ``()``                   each static column under its own name, in the units of the file
*group*           a label                  the name of the series, where ``given_group`` is set
``calendar``   ``(2 k,)``               sine and cosine of k features of the time of x1 (:mod:`.calendar`)
=============  =======================  ==============================================================================

The end of each series is held out, and nothing of it is seen in training (:func:`.windows.held_rows`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from si_core import ConditionSpec, DataError, Frame, UsageError, refuse_beyond_memory
from si_distributions.datasets.rows import Rows
from si_distributions.datasets.scaling import fixed, standardising
from si_forecast.data.calendar import calendar, check_features
from si_forecast.data.layout import Layout, check_sizes
from si_forecast.data.segments import segments
from si_forecast.data.series_data import SeriesData
from si_forecast.data.windows import check_windows, held_rows, refuse_short, window_ends, window_rows

__all__ = ["SeriesRows"]


class SeriesRows(Rows):
    """The windows of some series.

    Args:
        data: the series.
        layout: what is given of the past.
        standardise: whether each column gets mean 0 and variance 1 over the training rows.
        held_out: the fraction of each series that is kept from training, at its end.
        missing: refuse rows in which something is missing, or leave the windows out that they are in.
        dtype: of the draws.
        order: of the draws of training.

    Attributes:
        data: the series.
        layout: as given.
        stretches: the rows that follow each other by one step.
        held: which rows are held out, shape (N,).

    Raises:
        DataError: missing values, gaps or series too short, as far as they are refused.
    """

    def __init__(
        self,
        data: SeriesData,
        layout: Layout,
        standardise: bool = True,
        held_out: float = 0.2,
        missing: Literal["refuse", "split"] = "refuse",
        dtype: Literal["float32", "float64"] = "float32",
        order: Literal["replacement", "shuffled"] = "replacement",
    ) -> None:
        where, states, ahead = data.where, layout.states, layout.ahead
        check_sizes(layout.past, ahead)
        check_features(layout.calendar, data.dated, layout.gaps)
        if isinstance(held_out, bool) or not 0 <= held_out < 1:
            raise UsageError("must be a fraction", where="series: held_out", got=repr(held_out), allowed="in [0, 1)")
        _refuse_missing(data, missing)
        self.data, self.layout, self.stretches = data, layout, segments(data, layout.gaps)
        self.held = held_rows(data, held_out)
        refuse_short(data, self.held, states, ahead)
        ends = window_ends(self.stretches.of_row, data.whole, states, ahead)
        out = self.held[ends]
        train, kept = np.flatnonzero(~out), np.flatnonzero(out)
        check_windows(data, self.stretches, train, kept, held_out > 0, states * ahead)
        of_training = np.flatnonzero(~self.held & data.whole)
        scaling = standardising(data.values, of_training, data.columns, where) if standardise else fixed(0.0, 1.0)
        needed = 8 * data.values[0].size * len(ends) * (states + 2)
        refuse_beyond_memory(needed, "the windows of the series", where=f"{where}: past", fix="lower past")
        values, specs = self._conditions_at(ends, Frame(data.shape, *scaling), of_training)
        super().__init__(
            data.values[ends],
            train,
            kept,
            scaling,
            condition_values=values,
            conditions=specs,
            columns=data.columns if len(data.shape) == 1 else None,
            dtype=dtype,
            order=order,
            where=where,
        )

    def _conditions_at(
        self, ends: NDArray[np.int64], units: Frame, of_training: NDArray[np.int64]
    ) -> tuple[dict[str, NDArray[Any]], dict[str, ConditionSpec]]:
        """What networks are given with the windows that end at some rows, and what these are."""
        data, layout = self.data, self.layout
        values: dict[str, NDArray[Any]] = {}
        specs: dict[str, ConditionSpec] = {}
        if layout.past:
            rows = window_rows(ends, layout.past, layout.ahead)
            past = units.encode(torch.from_numpy(data.values[rows].reshape(-1, *data.shape)))
            values["past"] = past.reshape(len(ends), layout.past, *data.shape).numpy()
            specs["past"] = ConditionSpec((layout.past, *data.shape))
        series = data.series[ends]
        for name, column in data.static.items():
            values[name] = column[series]
            seen = column[data.series[of_training]]
            specs[name] = ConditionSpec((), mean=float(seen.mean()), scale=float(seen.std()) or 1.0)
        if layout.given_group is not None:
            values[layout.given_group] = series
            specs[layout.given_group] = ConditionSpec(classes=data.names)
        if layout.calendar and data.times is not None:
            values["calendar"] = calendar(data.times[ends], layout.calendar)
            specs["calendar"] = ConditionSpec((2 * len(layout.calendar),))
        _refuse_shared_names(data, layout)
        return values, specs

    def law_forecasts(
        self, past: Tensor, leads: Sequence[int], members: int, generator: torch.Generator
    ) -> Tensor | None:
        """Draws of the data's own law of what follows, where it is known, for comparison.

        Args:
            past: the newest states in data space, float64, shape (S, *event).
            leads: the steps ahead, increasing.
            members: how many draws for each.
            generator: the source of randomness, on the CPU.

        Returns:
            Shape (members, S, len(leads), *event) in data space; None where it is not known.
        """
        return None


def _refuse_missing(data: SeriesData, missing: str) -> None:
    if missing not in ("refuse", "split"):
        raise UsageError("unknown option", where="series: missing", got=repr(missing), allowed="refuse, split")
    whole = data.whole
    if whole.all() or missing == "split":
        return
    more = int((~whole).sum()) - 1
    raise DataError(
        "something is missing",
        where=data.where,
        got=f"{data.row(int((~whole).argmax()))}" + (f", and {more} more" if more else ""),
        fix="missing: split, which leaves the windows out that such a row is in; or fill the values in",
    )


def _refuse_shared_names(data: SeriesData, layout: Layout) -> None:
    own = [*data.static, *([] if layout.given_group is None else [layout.given_group])]
    taken = {"past", "x0"} | ({"calendar"} if layout.calendar else set())
    shared = [name for name in own if name in taken or own.count(name) > 1]
    if shared:
        fix = "name the column otherwise"
        raise DataError("two conditions have one name", where=data.where, got=repr(shared[0]), fix=fix)
