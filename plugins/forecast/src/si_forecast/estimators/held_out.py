"""Forecasts of what was held out: members at several leads, and what came."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any

import numpy as np
import torch
from pydantic import Field
from torch import Tensor

from si_core import Estimate, Estimator, Largest, UsageError, refuse_beyond_memory
from si_core.public.runs import block_size
from si_forecast.data.series_rows import SeriesRows
from si_forecast.rolling.of_model import rows_of
from si_forecast.rolling.roll_out import check_model, rolled
from si_forecast.rolling.starts import Starts, held_out_starts

__all__ = ["Ensemble", "ForecastEstimator", "Leads", "Members", "MostStarts"]

Leads = list[Annotated[int, Field(ge=1, le=Largest.STEPS)]]
Members = Annotated[int, Field(ge=2, le=Largest.PAIRWISE)]
MostStarts = Annotated[int, Field(ge=1, le=Largest.POINTS)]


@dataclass(frozen=True, eq=False)
class Ensemble:
    """Forecasts in model space over :attr:`scale`, so that a column has variance 1 over the training rows.

    Args:
        x: members of each start, float64, shape (M, S, L, *event).
        truth: what came, float64, shape (S, L, *event).
        rows: the windows of the series.
        starts: where they start.
        newest: the rows of the newest states, shape (S,).
        scale: standard deviations of the training rows in model space, float64, (d,) or () where a state has several
            axes: 1 where the series was standardised.
    """

    x: Tensor
    truth: Tensor
    rows: SeriesRows
    starts: Starts
    newest: np.ndarray[Any, np.dtype[np.int64]] = field(repr=False)
    scale: Tensor


class ForecastEstimator(Estimator):
    """What is measured on roll-outs from starts in the part of each series that was held out.

    Args:
        lead: the steps ahead that are measured at, each of ``ahead`` rows.
        members: forecasts of each start.
        starts: how many starts at most, equally far apart.

    Raises:
        UsageError: no leads, or numbers that are none.
    """

    needs = frozenset({"samples"})

    def __init__(self, lead: Sequence[int], members: int, starts: int) -> None:
        name = type(self).__name__
        for what, values, least in (("lead", lead, 1), ("members", [members], 2), ("starts", [starts], 1)):
            wrong = [v for v in values if isinstance(v, bool) or not isinstance(v, int) or v < least]
            if wrong or not values:
                allowed = f"whole numbers >= {least}"
                raise UsageError("must be whole", where=f"{name}: {what}", got=repr(values), allowed=allowed)
        self.lead, self.members, self.starts = tuple(sorted(set(lead))), members, starts

    def check(self, model: Any) -> None:
        """Refuse a model of other data than series, and series of which too little is held out."""
        self._starts(model)

    def _starts(self, model: Any) -> tuple[SeriesRows, Starts, np.ndarray[Any, np.dtype[np.int64]]]:
        """The windows, where forecasts start, and the rows of the newest states there, (S,)."""
        rows = rows_of(model)
        check_model(model)
        return rows, *held_out_starts(rows, self.lead[-1], self.starts)

    def estimate(self, model: Any, x: Tensor, generator: torch.Generator | None = None) -> Estimate:
        """Measure on the part held out.

        Raises:
            UsageError: other points than that part: they say nothing of what followed them.
            DataError: nothing is held out, or too little for the leads.
        """
        rows, starts, newest = self._starts(model)
        held = rows.held_out()
        if held is None or x.shape != held[0].shape or not torch.equal(x.cpu().to(held[0].dtype), held[0]):
            fix = "leave the data out"
            raise UsageError(
                "forecasts are measured on the part of the series that was held out", got="other points", fix=fix
            )
        stream = generator or torch.Generator(model.device).manual_seed(0)
        return self.measured(self._ensemble(model, rows, starts, newest, stream), stream)

    @abstractmethod
    def measured(self, ensemble: Ensemble, generator: torch.Generator) -> Estimate:
        """The number.

        Args:
            ensemble: the forecasts.
            generator: of anything else that is drawn.
        """

    def _ensemble(
        self,
        model: Any,
        rows: SeriesRows,
        starts: Starts,
        newest: np.ndarray[Any, np.dtype[np.int64]],
        generator: torch.Generator,
    ) -> Ensemble:
        steps = self.lead[-1]
        needed = 16 * self.members * len(starts) * len(self.lead) * math.prod(rows.shape)
        refuse_beyond_memory(needed, "the members", where=type(self).__name__, fix="fewer members or starts")
        which, found = np.arange(self.members * len(starts), dtype=np.int64) % len(starts), []
        size = block_size(model)
        for first in range(0, len(which), size):
            path = rolled(model, starts, which[first : first + size], steps, generator)
            kept = [x.cpu().double() for lead, x in enumerate(path, 1) if lead in self.lead]
            found.append(torch.stack(kept, 1))
        members = torch.cat(found).reshape(self.members, len(starts), len(self.lead), *rows.shape)
        later = newest[:, None] + rows.layout.ahead * np.array(self.lead)
        truth = rows.frame.encode(torch.from_numpy(rows.data.values[later].reshape(-1, *rows.shape)))
        truth, scale = truth.reshape(len(starts), len(self.lead), *rows.shape), _deviations(rows)
        return Ensemble(members / scale, truth / scale, rows, starts, newest, scale)


def _deviations(rows: SeriesRows) -> Tensor:
    """The standard deviations of columns over the training rows, in model space; 1 for what is constant there."""
    values = torch.from_numpy(rows.data.values[~rows.held & rows.data.whole])
    found = values.std(0, correction=0) if len(rows.shape) == 1 else values.std(correction=0)
    found = found / rows.frame.scale
    return torch.where((found > 0) & found.isfinite(), found, 1.0)
