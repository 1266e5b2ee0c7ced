"""The classical Runge-Kutta method of order 4."""

from __future__ import annotations

import torch
from torch import Tensor

from si_integrators.grid import Add, Drift, FixedGrid

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

    def step(self, drift: Drift, add: Add, x: Tensor, times: tuple[float, ...], h: float) -> Tensor:
        start, middle, _, end = times
        k1 = drift(start, x)
        k2 = drift(middle, torch.add(x, k1, alpha=h / 2))
        k3 = drift(middle, torch.add(x, k2, alpha=h / 2))
        k4 = drift(end, torch.add(x, k3, alpha=h))
        outer, inner = add(k1, k4), add(k2, k3)
        return add(x, add(outer, inner, alpha=2), alpha=h / 6)
