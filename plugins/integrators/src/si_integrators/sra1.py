"""The stochastic Runge-Kutta method SRA1 for additive noise: weak order 2, strong order 1.5 where noise is constant.

    ``H = x + 3/4 h f(r, x) + 3/2 J/h``,    ``x' = x + h/3 f(r, x) + 2h/3 f(r + 3h/4, H) + dN``

with ``dN ~ N(0, V)`` the noise of the step and ``J = int_r^t (N_s - N_r) ds`` its integral: for constant noise
``J/h = (dN + dM/sqrt(3))/2`` with dM independent of dN and of the same law. For noise that changes

    ``V = h/3 g(r)^2 + 2h/3 g(r + 3h/4)^2``

is ``int_r^t g^2`` up to O(h^3), which weak order 2 needs. Nothing is evaluated at the end of a step, where the drift of
a one-sided process is stiffest.

Rößler, *Runge-Kutta methods for the strong approximation of solutions of stochastic differential equations*, 2010.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

from si_core import DriftFunction
from si_integrators.grid import Buffers, FixedGrid

__all__ = ["SRA1"]


class SRA1(FixedGrid):
    """SRA1, two evaluations a step and two normal numbers, weak order 2 for noise that does not depend on the state.

    Strong order 1.5 where the noise is constant. Without noise it is a Runge-Kutta method of order 2 with the second
    evaluation at three quarters of the step.

    Args:
        steps: the number of steps.
        grid: where they stand: uniform, ends (finer towards both ends of the span), or measured (finer where a pilot
            finds a larger local error).
    """

    stochastic = True
    order = 2.0
    nodes = (0.0, 0.75)
    draws = 2
    spare = 1

    def deviation(self, noise: Callable[[float], float], r: float, t: float) -> float:
        """The standard deviation of the noise of the step from r to t."""
        early, late = (float(noise(r + node * (t - r))) ** 2 for node in self.nodes)
        return math.sqrt(abs(t - r) * (early + 2 * late) / 3)

    def step(self, drift: DriftFunction, x: Tensor, times: tuple[float, ...], h: float, buffers: Buffers) -> Tensor:
        start, later = times
        state, moved = buffers
        first = drift(start, x)
        ahead, x = first.added_to(x, 0.75 * h, moved), first.added_to(x, h / 3, state)
        return drift(later, ahead).added_to(x, 2 * h / 3, state)

    def noisy_step(
        self,
        drift: DriftFunction,
        x: Tensor,
        times: tuple[float, ...],
        h: float,
        buffers: Buffers,
        sigma: float,
        w: Tensor,
    ) -> Tensor:
        start, later = times
        state, moved = buffers
        first = drift(start, x)
        ahead, x = first.added_to(x, 0.75 * h, moved), first.added_to(x, h / 3, state)
        ahead = torch.add(ahead, w[0], alpha=0.75 * sigma, out=moved)
        ahead = torch.add(ahead, w[1], alpha=0.75 * sigma / math.sqrt(3), out=moved)
        x = torch.add(x, w[0], alpha=sigma, out=state)
        return drift(later, ahead).added_to(x, 2 * h / 3, state)
