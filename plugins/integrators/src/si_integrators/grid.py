"""The fixed grid: the one loop of every method with equal steps.

    t_k = start + k (stop - start) / steps,    t_steps = stop exactly,    h = t_{k+1} - t_k  (negative when backward)

    ODE   X_{k+1} = step(X_k)          SDE   X_{k+1} = noisy_step(X_k, sigma_k w_k),   w_k ~ N(0, I)

A method names the times of its drift evaluations as fractions of a step, so that the transport can compute its
scalars for the whole grid at once, and writes the step. All numbers are ready before the loop begins.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from itertools import pairwise
from typing import Annotated, ClassVar

import torch
from pydantic import Field
from torch import Tensor

from si_core import Integrator, Problem, Trajectory, UsageError

__all__ = ["Add", "Drift", "FixedGrid", "Steps"]

Steps = Annotated[int, Field(ge=1)]

Drift = Callable[[float, Tensor], Tensor]
"""``drift(time, x)``, shape of x."""

Add = Callable[..., Tensor]
"""``add(x, y, alpha=a) = x + a y``: in place, or a new tensor where gradients are recorded, which need the old one."""


class FixedGrid(Integrator):
    """A method with equal steps in the clock of the problem.

    Args:
        steps: the number of steps.

    Raises:
        UsageError: steps below 1 or no whole number.
    """

    nodes: ClassVar[tuple[float, ...]] = (0.0,)
    """The times of a step's drift evaluations, as fractions of the step."""

    def __init__(self, steps: Steps = 100) -> None:
        if isinstance(steps, bool) or not isinstance(steps, int) or steps < 1:
            raise UsageError(
                "steps is the number of equal steps",
                where=type(self).__name__,
                got=f"steps={steps!r}",
                allowed="a whole number >= 1",
            )
        self.steps = steps

    def step(self, drift: Drift, add: Add, x: Tensor, times: tuple[float, ...], h: float) -> Tensor:
        """The state after a step of an ODE.

        Args:
            drift: the drift of the problem.
            add: how to update x.
            x: the state at the beginning of the step; it may be updated by ``add``.
            times: the times of :attr:`nodes`.
            h: the signed length of the step.
        """
        raise NotImplementedError

    def noisy_step(
        self, drift: Drift, add: Add, x: Tensor, times: tuple[float, ...], h: float, sigma: float, w: Tensor
    ) -> Tensor:
        """The state after a step of an SDE, with the noise increment ``sigma w``; w is standard normal.

        A method that is ``stochastic`` has it.
        """
        raise NotImplementedError

    def deviation(self, noise: Callable[[float], float], r: float, t: float) -> float:
        """The standard deviation of the noise of the step from r to t: ``sqrt(|h|) noise(r)``."""
        return math.sqrt(abs(t - r)) * float(noise(r))

    def solve(self, transport: Problem, x: Tensor, generator: torch.Generator | None = None) -> Trajectory:
        """Integrate; see :meth:`si_core.Integrator.solve`. The trajectory has the first and the last state.

        Gradients flow through the solution where gradient mode is on.

        Raises:
            UsageError: noise that the method does not integrate, or for which there is no generator.
        """
        self._check(transport, generator)
        grid = _grid(transport.start, transport.stop, self.steps)
        plan = [(self._times(r, t), t - r) for r, t in pairwise(grid)]
        transport.prepare(list(dict.fromkeys(time for times, _ in plan for time in times)), x)
        recording = torch.is_grad_enabled()
        add, state = (torch.add, x) if recording else (Tensor.add_, x.clone())
        drift = transport.drift
        if transport.stochastic:
            noisy_step = self.noisy_step
            sigmas = [self.deviation(transport.noise, r, t) for r, t in pairwise(grid)]
            # A contiguous buffer: on a strided one the same generator draws other numbers.
            w = torch.empty_like(x, memory_format=torch.contiguous_format)
            for (times, h), sigma in zip(plan, sigmas, strict=True):
                state = noisy_step(drift, add, state, times, h, sigma, w.normal_(generator=generator))
        else:
            step = self.step
            for times, h in plan:
                state = step(drift, add, state, times, h)
        ends = torch.tensor((grid[0], grid[-1]), dtype=x.dtype, device=x.device)
        return Trajectory(ends, torch.stack((x, state)), self.steps * len(self.nodes))

    def part(self, fraction: float) -> FixedGrid:
        """This method with ``max(1, round(fraction steps))`` steps.

        Raises:
            UsageError: a fraction outside (0, 1].
        """
        if not 0 < fraction <= 1:
            raise UsageError("a part is a share of the span", got=f"fraction={fraction!r}", allowed="0 < fraction <= 1")
        part = copy.copy(self)
        part.steps = max(1, round(self.steps * fraction))
        return part

    def _times(self, r: float, t: float) -> tuple[float, ...]:
        # The ends are taken as they are: rounding must not step over the end of the span.
        return tuple(r if node == 0 else t if node == 1 else r + node * (t - r) for node in self.nodes)

    def _check(self, transport: Problem, generator: torch.Generator | None) -> None:
        if not transport.stochastic:
            return
        if not self.stochastic:
            raise UsageError(
                "the method solves ODEs, and this problem has noise",
                where=type(self).__name__,
                allowed="euler-maruyama, stochastic-heun or another SDE method; or epsilon = 0",
            )
        if generator is None:
            raise UsageError(
                "an SDE needs a source of noise",
                where=type(self).__name__,
                fix="pass generator=torch.Generator(x.device).manual_seed(0)",
            )


def _grid(start: float, stop: float, steps: int) -> list[float]:
    """The ``steps + 1`` equidistant times from start to stop, both exact."""
    return [start + (stop - start) * (k / steps) for k in range(steps)] + [stop]
