"""Kutta's method of order 3, with the noise of a step split: half before it and half after it.

    x  <- x + dN_1                                          dN_1 ~ N(0, |h|/4 (g(r)^2 + g(m)^2) I)
    k1 = f(r, x),  k2 = f(m, x + h/2 k1),  k3 = f(t, x - h k1 + 2 h k2)
    x  <- x + h/6 (k1 + 4 k2 + k3)
    x  <- x + dN_2                                          dN_2 ~ N(0, |h|/4 (g(m)^2 + g(t)^2) I)

for a step from r to t = r + h with middle m. A symmetric splitting of two flows has order 2 (Strang, SIAM J. Numer.
Anal. 5, 1968), here those of expectations under noise alone and under drift alone; so the method has weak order 2, and
order 3 where there is no noise. The variances are trapezoids of ``g^2``, off by O(h^3).

Kutta, *Beitrag zur naeherungsweisen Integration totaler Differentialgleichungen*, 1901.
"""

from __future__ import annotations

import copy
import math
from itertools import pairwise
from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor

from si_core import Integrator, Largest, Problem, Trajectory, UsageError

__all__ = ["Kutta"]


class Kutta(Integrator):
    """Kutta's method of order 3 with split noise; three evaluations a step.

    Without noise ``x' = x + h/6 (k1 + 4 k2 + k3)``, of order 3. With noise, half of it is added before that and half
    after it, of weak order 2 for noise that does not depend on the state; :attr:`order` claims what holds of both.

    Args:
        steps: the number of equal steps.

    Raises:
        UsageError: steps below 1, or noise without a generator.
    """

    stochastic = True
    order = 2.0

    def __init__(self, steps: Annotated[int, Field(ge=1, le=Largest.STEPS)] = 40) -> None:
        if isinstance(steps, bool) or not isinstance(steps, int) or steps < 1:
            raise UsageError("steps of the method", got=f"steps={steps!r}", allowed="a whole number >= 1")
        self.steps = steps

    def solve(self, transport: Problem, x: Tensor, generator: torch.Generator | None = None) -> Trajectory:
        """Integrate; the trajectory has the first and the last state."""
        if transport.stochastic and generator is None:
            raise UsageError("an SDE needs a source of noise", fix="pass generator=torch.Generator().manual_seed(0)")
        start, stop = transport.start, transport.stop
        grid = [start + (stop - start) * (k / self.steps) for k in range(self.steps)] + [stop]
        plan = [(r, r + (t - r) / 2, t) for r, t in pairwise(grid)]
        transport.prepare(list(dict.fromkeys(time for times in plan for time in times)), x)
        state = x
        for r, m, t in plan:
            state = _noisy(transport, state, r, m, generator)
            state = _step(transport, state, r, m, t)
            state = _noisy(transport, state, m, t, generator)
        ends = torch.tensor([start, stop], dtype=x.dtype, device=x.device)
        return Trajectory(ends, torch.stack([x, state]), 3 * self.steps)

    def part(self, fraction: float) -> Kutta:
        """This method with that fraction of the steps, at least one."""
        part = copy.copy(self)
        part.steps = max(1, round(self.steps * fraction))
        return part


def _step(transport: Problem, x: Tensor, r: float, m: float, t: float) -> Tensor:
    """The state at t of the ODE that is at x at r."""
    h = t - r
    k1 = transport.drift(r, x)
    k2 = transport.drift(m, x + h / 2 * k1)
    k3 = transport.drift(t, x - h * k1 + 2 * h * k2)
    return x + h / 6 * (k1 + 4 * k2 + k3)


def _noisy(transport: Problem, x: Tensor, r: float, t: float, generator: torch.Generator | None) -> Tensor:
    """x with the noise from r to t."""
    if not transport.stochastic:
        return x
    variance = abs(t - r) / 2 * (float(transport.noise(r)) ** 2 + float(transport.noise(t)) ** 2)
    return x + math.sqrt(variance) * torch.empty_like(x).normal_(generator=generator)
