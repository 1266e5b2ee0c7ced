"""The last step of sampling that stops before the end: from ``x_t`` at t = stop to the end, in one evaluation.

======= ===================================================== ==============================================
name    state at the end, h = end - stop                      is
======= ===================================================== ==============================================
tweedie ``E[x1|x_t]``; backward ``E[x0|x_t]``                 the mean of what is left, in one step
mean    ``x_t + h (b + epsilon s)``; backward ``b - ...``     a step of Euler-Maruyama without its noise
euler   ``x_t + h b``                                         a step of the probability flow
======= ===================================================== ==============================================

(SiT, arXiv 2401.08740.) Of a one-sided linear process without a latent, euler is tweedie.
"""

from __future__ import annotations

import torch
from torch import Tensor

from si_core.recipes.schema import LastStep
from si_core.transport.transport import Transport

__all__ = ["last_state"]


def last_state(kind: LastStep, transport: Transport, x: Tensor) -> Tensor:
    """The state at the end that sampling stopped short of, shape of x.

    Args:
        kind: which step.
        transport: the problem that was solved, given its conditions.
        x: states at its stop, shape (B, *event).
    """
    start, stop = transport.span
    fields, end = transport.fields, 1.0 if stop > start else 0.0
    last = torch.tensor(stop, dtype=torch.float64, device=x.device)
    if kind == "tweedie":
        return (fields.target_denoiser if end else fields.source_denoiser)(last, x)
    if kind == "euler":
        return x + (end - stop) * fields.velocity(last, x)
    rate = float(transport.clock.rate(torch.tensor(transport.stop, dtype=torch.float64)))
    return x + (end - stop) / rate * transport.drift(transport.stop, x)
