"""The classical Runge-Kutta method of order 4."""

from __future__ import annotations

import torch
from torch import Tensor

from si_core import DriftFunction
from si_integrators.grid import Buffers, FixedGrid

__all__ = ["RK4"]


class RK4(FixedGrid):
    """The classical Runge-Kutta method, four evaluations a step, order 4.

    ``x' = x + h/6 (k1 + 2 k2 + 2 k3 + k4)`` with ``k1 = f(t, x)``, ``k2 = f(t + h/2, x + h/2 k1)``,
    ``k3 = f(t + h/2, x + h/2 k2)``, ``k4 = f(t + h, x + h k3)``.

    Args:
        steps: the number of steps.
        grid: where they stand: uniform, ends (finer towards both ends of the span), or measured (finer where a pilot
            finds a larger local error).
    """

    order = 4.0
    nodes = (0.0, 0.5, 0.5, 1.0)
    spare = 2

    def step(self, drift: DriftFunction, x: Tensor, times: tuple[float, ...], h: float, buffers: Buffers) -> Tensor:
        start, middle, _, end = times
        state, sum_, moved = buffers
        ahead = drift(start, x).added_to(x, h / 2, moved)
        total = torch.sub(ahead, x, out=sum_)
        ahead = drift(middle, ahead).added_to(x, h / 2, moved)
        total = torch.add(total, ahead, alpha=2, out=sum_)
        ahead = drift(middle, ahead).added_to(x, h, moved)
        total = torch.add(total, ahead, out=sum_)
        return drift(end, ahead).added_to(torch.div(total, 3, out=sum_), h / 6, state)
