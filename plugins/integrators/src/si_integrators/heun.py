"""Heun's method, the explicit trapezoid: an Euler predictor, then the mean of the drifts at both ends; order 2."""

from __future__ import annotations

import torch
from torch import Tensor

from si_core import DriftFunction
from si_integrators.grid import Buffers, FixedGrid

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
    spare = 1

    def step(self, drift: DriftFunction, x: Tensor, times: tuple[float, ...], h: float, buffers: Buffers) -> Tensor:
        start, end = times
        state, ahead = buffers[:2]
        first = drift(start, x)
        predictor = first.added_to(x, h, ahead)
        half = torch.lerp(x, predictor, 0.5, out=state)
        return drift(end, predictor).added_to(half, h / 2, state)
