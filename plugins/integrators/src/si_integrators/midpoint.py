"""The explicit midpoint method: ``x' = x + h f(t + h/2, x + h/2 f(t, x))``, order 2."""

from __future__ import annotations

from torch import Tensor

from si_core import DriftFunction
from si_integrators.grid import Buffers, FixedGrid

__all__ = ["Midpoint"]


class Midpoint(FixedGrid):
    """The explicit midpoint method, two evaluations a step, order 2: ``x' = x + h f(t + h/2, x + h/2 f(t, x))``.

    Args:
        steps: the number of steps.
        grid: where they stand: uniform, ends (finer towards both ends of the span), or measured (finer where a pilot
            finds a larger local error).
    """

    order = 2.0
    nodes = (0.0, 0.5)
    spare = 1

    def step(self, drift: DriftFunction, x: Tensor, times: tuple[float, ...], h: float, buffers: Buffers) -> Tensor:
        start, middle = times
        state, halfway = buffers
        return drift(middle, drift(start, x).added_to(x, h / 2, halfway)).added_to(x, h, state)
