"""The Euler method: ``x' = x + h f(t, x)``, order 1."""

from __future__ import annotations

from torch import Tensor

from si_core import DriftFunction
from si_integrators.grid import Buffers, FixedGrid

__all__ = ["Euler"]


class Euler(FixedGrid):
    """The Euler method, one evaluation a step, order 1: ``x' = x + h f(t, x)``.

    Args:
        steps: the number of steps.
        grid: where they stand: uniform, ends (finer towards both ends of the span), or measured (finer where a pilot
            finds a larger local error).
    """

    order = 1.0
    nodes = (0.0,)

    def step(self, drift: DriftFunction, x: Tensor, times: tuple[float, ...], h: float, buffers: Buffers) -> Tensor:
        return drift(times[0], x).added_to(x, h, buffers[0])
