"""The explicit midpoint method: ``x' = x + h f(t + h/2, x + h/2 f(t, x))``, order 2."""

from __future__ import annotations

import torch
from torch import Tensor

from si_integrators.grid import Add, Drift, FixedGrid

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

    def step(self, drift: Drift, add: Add, x: Tensor, times: tuple[float, ...], h: float) -> Tensor:
        start, middle = times
        halfway = torch.add(x, drift(start, x), alpha=h / 2)
        return add(x, drift(middle, halfway), alpha=h)
