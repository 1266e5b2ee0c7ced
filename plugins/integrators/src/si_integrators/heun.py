"""Heun's method, the explicit trapezoid: an Euler predictor, then the mean of the slopes at both ends; order 2."""

from __future__ import annotations

import torch
from torch import Tensor

from si_integrators.grid import Add, Drift, FixedGrid

__all__ = ["Heun"]


class Heun(FixedGrid):
    """Heun's method (explicit trapezoid), two evaluations a step, order 2.

    ``p = x + h f(t, x)``, ``x' = x + h/2 (f(t, x) + f(t + h, p))``.

    Args:
        steps: the number of steps.
        grid: where they stand: uniform, ends (finer towards both ends of the span), or measured (finer where a pilot
            finds a larger local error).
    """

    order = 2.0
    nodes = (0.0, 1.0)

    def step(self, drift: Drift, add: Add, x: Tensor, times: tuple[float, ...], h: float) -> Tensor:
        start, end = times
        slope = drift(start, x)
        predictor = torch.add(x, slope, alpha=h)
        x = add(x, slope, alpha=h / 2)
        return add(x, drift(end, predictor), alpha=h / 2)
