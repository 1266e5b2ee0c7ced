"""The Ornstein-Uhlenbeck process ``dX = -theta X dt + sigma dW``, whose law of what follows is known exactly.

Sampled every ``step`` h: ``X_(k+1) = a X_k + s z`` with ``a = e^(-theta h)``, ``s^2 = sigma^2 (1 - a^2) / (2 theta)``,
which is no approximation. After k steps ``X_k | X_0 ~ N(a^k X_0, sigma^2 (1 - a^(2k)) / (2 theta))``. It begins in its
stationary law, ``N(0, sigma^2 / (2 theta))``.
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

__all__ = ["OrnsteinUhlenbeckSeries"]

_WHERE = "ornstein-uhlenbeck-series"


class OrnsteinUhlenbeckSeries(SeriesRows):
    """Independent series of the Ornstein-Uhlenbeck process, each coordinate by itself.

    Args:
        rows: of each series.
        count: how many series.
        dimensions: of a state.
        theta: the rate of return, > 0.
        sigma: the size of the noise, > 0.
        step: the time between rows, > 0.
        seed: of the simulation: equal seeds give equal series.
        past: how many past states are given.
        ahead: how many rows later the state is that is forecast.
        standardise: whether each column gets mean 0 and variance 1 over the training rows.
        held_out: the fraction of each series that is kept from training, at its end.
        dtype: of the draws.

    Raises:
        UsageError: a rate, size or time that is not positive.
    """

    def __init__(
        self,
        rows: Annotated[int, Field(ge=2, le=Largest.SAMPLES)] = 2000,
        count: Annotated[int, Field(ge=1, le=Largest.COMPONENTS)] = 1,
        dimensions: Annotated[int, Field(ge=1, le=Largest.DIMENSIONS)] = 1,
        theta: Annotated[float, Field(gt=0)] = 1.0,
        sigma: Annotated[float, Field(gt=0)] = 1.0,
        step: Annotated[float, Field(gt=0)] = 0.1,
        seed: Annotated[int, Field(ge=0, le=Largest.SEED)] = 0,
        past: Past = 1,
        ahead: Ahead = 1,
        standardise: bool = True,
        held_out: HeldOut = 0.2,
        dtype: Literal["float32", "float64"] = "float32",
    ) -> None:
        for name, value in (("theta", theta), ("sigma", sigma), ("step", step)):
            if not 0 < value < math.inf:
                raise UsageError("must be a positive number", where=f"{_WHERE}: {name}", got=repr(value), allowed="> 0")
        self.decay, self.variance = math.exp(-theta * step), sigma**2 / (2 * theta)
        states = self._simulated(rows, count, dimensions, seed)
        data = SeriesData.of_parts(states, tuple(map(str, range(count))), _WHERE)
        super().__init__(data, Layout(past, ahead), standardise, held_out, "refuse", dtype)

    def _simulated(self, rows: int, count: int, dimensions: int, seed: int) -> NDArray[np.float64]:
        """All states, shape (count, rows, dimensions)."""
        # Torch's numbers are the same in every release of numpy.
        stream = torch.Generator().manual_seed(seed)
        noise = torch.randn(rows, count, dimensions, generator=stream, dtype=torch.float64).numpy()
        x = np.empty_like(noise)
        x[0] = math.sqrt(self.variance) * noise[0]
        size = math.sqrt(self.variance * (1 - self.decay**2))
        for k in range(1, rows):
            x[k] = self.decay * x[k - 1] + size * noise[k]
        return x.swapaxes(0, 1)

    def law_forecasts(self, past: Tensor, leads: Sequence[int], members: int, generator: torch.Generator) -> Tensor:
        """Draws of the exact law at each lead."""
        decay = torch.tensor([self.decay ** (lead * self.layout.ahead) for lead in leads], dtype=torch.float64)
        decay = decay.reshape(-1, *(1 for _ in self.shape))
        noise = torch.randn(members, len(past), len(leads), *self.shape, generator=generator, dtype=torch.float64)
        return decay * past.double().unsqueeze(1) + (self.variance * (1 - decay**2)).sqrt() * noise
