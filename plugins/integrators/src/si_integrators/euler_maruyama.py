"""The Euler-Maruyama method: ``x' = x + h f(t, x) + sqrt(|h|) g(t) w``, weak order 1.

Maruyama, *Continuous Markov processes and stochastic equations*, 1955; Kloeden and Platen, 1992, chapter 10.
"""

from __future__ import annotations

import torch
from torch import Tensor

from si_core import DriftFunction
from si_integrators.euler import Euler
from si_integrators.grid import Buffers

__all__ = ["EulerMaruyama"]


class EulerMaruyama(Euler):
    """The Euler-Maruyama method, one evaluation a step, weak order 1: ``x' = x + h f(t, x) + sqrt(|h|) g(t) w``.

    Without noise it is the Euler method.

    Args:
        steps: the number of steps.
        grid: where they stand: uniform, ends (finer towards both ends of the span), or measured (finer where a pilot
            finds a larger local error).
    """

    stochastic = True

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
        return torch.add(drift(times[0], x).added_to(x, h, buffers[0]), w, alpha=sigma, out=buffers[0])
