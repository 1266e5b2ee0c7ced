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

from typing import Literal, Protocol

import torch
from torch import Tensor

from si_core.contract.clock import Clock
from si_core.fields.base import Fields
from si_core.fields.noise_level import Epsilon
from si_core.recipes.schema import LastStep
from si_core.transport.transport import Transport

__all__ = ["last_state"]


class _Sampler(Protocol):
    """How the states were sampled; a :class:`si_core.Model` is one."""

    @property
    def epsilon(self) -> Epsilon:
        """The noise level."""

    @property
    def start(self) -> float:
        """Where sampling starts."""

    @property
    def stop(self) -> float:
        """Where it stops."""

    @property
    def clock(self) -> Clock | Literal["auto", "uniform"] | None:
        """Its clock."""

    @property
    def freeze(self) -> bool:
        """Whether weights without bound are frozen beside an end."""


def last_state(kind: LastStep, sampler: _Sampler, fields: Fields, x: Tensor) -> Tensor:
    """The state at the end that sampling stopped short of, shape of x.

    Args:
        kind: which step.
        sampler: how x was sampled.
        fields: the fields, given their conditions.
        x: states at the stop of the sampler, shape (B, *event).
    """
    stop = sampler.stop
    end = 1.0 if stop > sampler.start else 0.0
    last = torch.tensor(stop, dtype=torch.float64, device=x.device)
    if kind == "tweedie":
        return (fields.target_denoiser if end else fields.source_denoiser)(last, x)
    if kind == "euler":
        return x + (end - stop) * fields.velocity(last, x)
    transport = Transport(fields, sampler.epsilon, sampler.start, stop, sampler.clock, sampler.freeze)
    rate = float(transport.clock.rate(torch.tensor(transport.stop, dtype=torch.float64)))
    return x + (end - stop) / rate * transport.drift(transport.stop, x)
