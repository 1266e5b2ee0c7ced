"""The noise-first Heun method of EDM and of the code of the stochastic interpolants paper, for parity with both.

    y = x + sqrt(|h|) g(r) w,   p = y + h f(r, y),   x' = y + h/2 (f(r, y) + f(t, p))

with the drift of the SDE, ``g^2 = 2 epsilon``: all noise of the step comes first, then a deterministic Heun step.
The noise of a step goes through the whole linear map ``1 + h f' + ...`` of the step, where noise that arrives evenly
over the step goes through half of it on average: with ``dX = -a X dt + g dW`` the stationary variance is
``g^2/(2a) (1 - a h + O(h^2))``. Hence weak order 1 and a bias, in spite of two evaluations; stochastic-heun costs the
same and has weak order 2. The method is a symmetric splitting of noise and drift but for half a step of noise, too much
at the start and too little at the stop; so the bias is of second order, too, where g vanishes at both ends of the span.

Karras et al., *Elucidating the Design Space of Diffusion-Based Generative Models* (arXiv 2206.00364), algorithm 2, use
it for another split of drift and noise.
"""

from __future__ import annotations

import torch
from torch import Tensor

from si_core import DriftFunction
from si_integrators.grid import Buffers
from si_integrators.heun import Heun

__all__ = ["EDMHeun"]


class EDMHeun(Heun):
    """Noise first, then a deterministic Heun step: two evaluations a step, weak order 1, biased.

    ``y = x + sqrt(|h|) g(r) w``, ``x' = y + h/2 (f(r, y) + f(t, y + h f(r, y)))``. Offered for parity with other code;
    prefer stochastic-heun. Without noise it is Heun's method.

    Args:
        steps: the number of steps.
        grid: where they stand: uniform, ends (finer towards both ends of the span), or measured (finer where a pilot
            finds a larger local error).
    """

    stochastic = True
    order = 1.0

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
        return self.step(drift, torch.add(x, w, alpha=sigma, out=buffers[0]), times, h, buffers)
