"""The stochastic Heun method: predictor and corrector with the same noise; weak order 2 for additive noise.

    dN ~ N(0, V I),   p = x + h f(r, x) + dN,   x' = x + h/2 (f(r, x) + f(t, p)) + dN        (from r to t = r + h)

Why order 2. A method has weak order 2 when the conditional moments of its step, up to the fifth, agree with the exact
ones up to O(h^3) (Milstein and Tretyakov, *Stochastic Numerics for Mathematical Physics*, 2004, chapter 2). For noise
that does not depend on x the third to fifth agree when the first two do. In one dimension, with ``f' = df/dx``, the
exact increment D has

    E[D]   = h f + h^2/2 (df/dt + f f' + g^2/2 f'') + O(h^3)
    Var[D] = int_r^t g^2 ds + h^2 g^2 f' + O(h^3)

and the step has ``E = h f + h/2 (h df/dt + h f f' + V/2 f'') + O(h^3)`` and ``Var = V + h f' V + O(h^3)``, the last
term because predictor and corrector share dN. They agree if and only if

    V = int_r^t g^2 ds + O(h^3),

so ``V = h g(r)^2``, wrong at O(h^2) unless g is constant, does not do. The trapezoid ``V = h/2 (g(r)^2 + g(t)^2)``
does, needs no time beside the grid, and is exact where g^2 is linear. It is ``g^2 = 2 epsilon dt/du`` that is averaged,
and not g: where it vanishes at an end of the span g^2 is smooth, while g has the infinite derivative of a square root.
For a backward step read ``|h|`` for h in V.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

from si_core import DriftFunction
from si_integrators.grid import Buffers
from si_integrators.heun import Heun

__all__ = ["StochasticHeun"]


class StochasticHeun(Heun):
    """The stochastic Heun method, two evaluations a step, weak order 2 for noise that does not depend on the state.

    ``p = x + h f(r, x) + dN``, ``x' = x + h/2 (f(r, x) + f(t, p)) + dN`` with the same ``dN`` of variance
    ``|h|/2 (g(r)^2 + g(t)^2)``. Without noise it is Heun's method.

    Args:
        steps: the number of steps.
        grid: where they stand: uniform, ends (finer towards both ends of the span), or measured (finer where a pilot
            finds a larger local error).
    """

    stochastic = True
    spare = 2

    def deviation(self, noise: Callable[[float], float], r: float, t: float) -> float:
        """The standard deviation of the noise of the step from r to t: ``sqrt(|h|/2 (noise(r)^2 + noise(t)^2))``."""
        return math.sqrt(abs(t - r) / 2 * (float(noise(r)) ** 2 + float(noise(t)) ** 2))

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
        start, end = times
        state, ahead, noisy = buffers
        first = drift(start, x)
        moved = torch.add(x, w, alpha=sigma, out=noisy)
        predictor = first.added_to(moved, h, ahead)
        half = torch.lerp(moved, predictor, 0.5, out=noisy)
        return drift(end, predictor).added_to(half, h / 2, state)
