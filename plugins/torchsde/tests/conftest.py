"""A problem made of functions, which keeps a record of what an integrator asks of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest
from torch import Tensor

import si_core as si


class FunctionProblem(si.Problem):
    """``dX = drift(t, X) dt + noise(t) dW`` from start to stop."""

    def __init__(
        self,
        drift: Callable[[float, Tensor], Tensor],
        noise: Callable[[float], float] | None = None,
        start: float = 0.0,
        stop: float = 1.0,
    ) -> None:
        self._drift, self._noise = drift, noise
        self.start, self.stop, self.stochastic = start, stop, noise is not None
        self.prepared: list[list[float]] = []
        self.times: list[float] = []

    def prepare(self, times: Sequence[float], x: Tensor) -> None:
        self.prepared.append(list(times))

    def drift(self, time: float, x: Tensor) -> Tensor:
        self.times.append(time)
        return self._drift(time, x)

    def noise(self, time: float) -> float:
        assert self._noise is not None, "an ODE was asked for its noise"
        return self._noise(time)


@pytest.fixture
def problem() -> type[FunctionProblem]:
    return FunctionProblem
