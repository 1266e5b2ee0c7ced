"""The stochastic Lorenz system (Lorenz 1963) in three dimensions, ``dX = f(X) dt + sigma dW``::

    f_1 = 10 (x_2 - x_1)    f_2 = x_1 (28 - x_3) - x_2    f_3 = x_1 x_2 - (8/3) x_3

by the stochastic method of Heun, of weak order 2 for noise of constant size, with ``substeps`` steps between two rows.
The law of what follows is that of this scheme, so the data's own forecasts are exact for the data as they are.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Annotated, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field
from torch import Tensor

from si_core import Largest, UsageError
from si_forecast.data.layout import Ahead, HeldOut, Layout, Past
from si_forecast.data.series_data import SeriesData
from si_forecast.data.series_rows import SeriesRows

__all__ = ["LorenzSeries"]

_WHERE = "lorenz-series"
_BURN_IN = 5.0
"""Time that is left out: a state is on the attractor after a few turns."""


class LorenzSeries(SeriesRows):
    """Independent series of the stochastic Lorenz system, on its attractor.

    Args:
        rows: of each series.
        count: how many series.
        sigma: the size of the noise, >= 0.
        step: the time between rows, > 0; a turn takes about 0.7.
        substeps: steps of the method between two rows.
        seed: of the simulation: equal seeds give equal series.
        past: how many past states are given.
        ahead: how many rows later the state is that is forecast.
        standardise: whether each column gets mean 0 and variance 1 over the training rows.
        held_out: the fraction of each series that is kept from training, at its end.
        dtype: of the draws.

    Raises:
        UsageError: a size below 0, or a time that is not positive.
    """

    def __init__(
        self,
        rows: Annotated[int, Field(ge=2, le=Largest.SAMPLES)] = 100,
        count: Annotated[int, Field(ge=1, le=Largest.COMPONENTS)] = 20,
        sigma: Annotated[float, Field(ge=0)] = 2.0,
        step: Annotated[float, Field(gt=0)] = 0.1,
        substeps: Annotated[int, Field(ge=1, le=Largest.STEPS)] = 10,
        seed: Annotated[int, Field(ge=0, le=Largest.SEED)] = 0,
        past: Past = 1,
        ahead: Ahead = 1,
        standardise: bool = True,
        held_out: HeldOut = 0.2,
        dtype: Literal["float32", "float64"] = "float32",
    ) -> None:
        if not 0 <= sigma < math.inf or not 0 < step < math.inf:
            got = f"sigma {sigma!r}, step {step!r}"
            raise UsageError("sizes of the simulation", where=_WHERE, got=got, allowed="sigma >= 0, step > 0")
        self.sigma, self.step, self.substeps = sigma, step, substeps
        stream = torch.Generator().manual_seed(seed)
        start = torch.randn(count, 3, generator=stream, dtype=torch.float64).numpy() + np.array([0.0, 0.0, 25.0])
        burn = math.ceil(_BURN_IN / step)
        states, x = np.empty((count, rows, 3)), start
        for k in range(-burn, rows):
            if k >= 0:
                states[:, k] = x
            x = self._followed(x, stream)
        data = SeriesData.of_parts(states, tuple(map(str, range(count))), _WHERE, columns=("x", "y", "z"))
        super().__init__(data, Layout(past, ahead), standardise, held_out, "refuse", dtype)

    def _followed(self, x: NDArray[np.float64], generator: torch.Generator) -> NDArray[np.float64]:
        """The states one row later, shape (n, 3); in numpy, whose small arrays cost least."""
        h = self.step / self.substeps
        size = self.sigma * math.sqrt(h)
        noises = size * torch.randn(self.substeps, *x.shape, generator=generator, dtype=torch.float64).numpy()
        for noise in noises:
            drift = _drift(x)
            x = x + 0.5 * h * (drift + _drift(x + h * drift + noise)) + noise
        return x

    def law_forecasts(self, past: Tensor, leads: Sequence[int], members: int, generator: torch.Generator) -> Tensor:
        """Draws of the data's own law at each lead, by simulation."""
        x = past.double().expand(members, *past.shape).reshape(-1, 3).numpy()
        found = []
        for k in range(1, max(leads) * self.layout.ahead + 1):
            x = self._followed(x, generator)
            if k % self.layout.ahead == 0 and k // self.layout.ahead in leads:
                found.append(torch.from_numpy(x.reshape(members, *past.shape)))
        return torch.stack(found, 2)


def _drift(x: NDArray[np.float64]) -> NDArray[np.float64]:
    found = np.empty_like(x)
    found[:, 0] = 10 * (x[:, 1] - x[:, 0])
    found[:, 1] = x[:, 0] * (28 - x[:, 2]) - x[:, 1]
    found[:, 2] = x[:, 0] * x[:, 1] - (8 / 3) * x[:, 2]
    return found
