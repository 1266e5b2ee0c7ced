"""The fixed grid: the one loop of every method whose steps are known before it begins.

    t_0 = start,    t_steps = stop exactly,    h = t_{k+1} - t_k  (negative when backward)

    ODE   X_{k+1} = step(X_k)          SDE   X_{k+1} = noisy_step(X_k, sigma_k w_k),   w_k ~ N(0, I)

A method names the times of its drift evaluations as fractions of a step, so that the transport can compute its
scalars for the whole grid at once, and writes the step. All numbers are ready before the loop begins, wherever the
steps stand (:mod:`si_integrators.placement`, :mod:`si_integrators.pilot`).
"""

from __future__ import annotations

import copy
import math
from abc import abstractmethod
from collections.abc import Callable
from itertools import pairwise
from typing import Annotated, ClassVar, Literal, get_args

import torch
from pydantic import Field
from torch import Tensor

from si_core import Integrator, Problem, Trajectory, UsageError
from si_integrators.pilot import measured
from si_integrators.placement import ends, uniform

__all__ = ["Add", "Drift", "FixedGrid", "Grid", "Steps"]

Steps = Annotated[int, Field(ge=1)]

Grid = Literal["uniform", "ends", "measured"]

Drift = Callable[[float, Tensor], Tensor]
"""``drift(time, x)``, shape of x."""

Add = Callable[..., Tensor]
"""``add(x, y, alpha=a) = x + a y``: in place, or a new tensor where gradients are recorded, which need the old one."""


class FixedGrid(Integrator):
    """A method whose steps are placed beforehand, in the clock of the problem.

    A measured grid depends on the first states of the batch and, of an SDE, on the generator; its pilot is counted
    among the evaluations. Where further times split the span, each part has a grid of its own.

    Args:
        steps: the number of steps.
        grid: equal steps (uniform), finer ones towards both ends of the span (ends), or finer ones where a pilot run of
            at most 256 states finds a larger local error (measured).

    Raises:
        UsageError: steps below 1 or no whole number, or an unknown grid.
    """

    nodes: ClassVar[tuple[float, ...]] = (0.0,)
    """The times of a step's drift evaluations, as fractions of the step."""

    def __init__(self, steps: Steps = 100, grid: Grid = "uniform") -> None:
        if isinstance(steps, bool) or not isinstance(steps, int) or steps < 1:
            raise UsageError(
                "steps is the number of steps",
                where=type(self).__name__,
                got=f"steps={steps!r}",
                allowed="a whole number >= 1",
            )
        if grid not in get_args(Grid):
            raise UsageError(
                "unknown grid", where=type(self).__name__, got=f"grid={grid!r}", allowed=", ".join(get_args(Grid))
            )
        self.steps, self.grid = steps, grid

    @abstractmethod
    def step(self, drift: Drift, add: Add, x: Tensor, times: tuple[float, ...], h: float) -> Tensor:
        """The state after a step of an ODE.

        Args:
            drift: the drift of the problem.
            add: how to update x.
            x: the state at the beginning of the step; it may be updated by ``add``.
            times: the times of :attr:`nodes`.
            h: the signed length of the step.
        """

    def noisy_step(
        self, drift: Drift, add: Add, x: Tensor, times: tuple[float, ...], h: float, sigma: float, w: Tensor
    ) -> Tensor:
        """The state after a step of an SDE, with the noise increment ``sigma w``; w is standard normal.

        A method that is ``stochastic`` has it.

        Raises:
            UsageError: the method solves ODEs only.
        """
        raise self._solves_odes_only()

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
        grid, evaluations = self.times(transport, x, generator)
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
        return Trajectory(ends, torch.stack((x, state)), evaluations + self.steps * len(self.nodes))

    def times(self, transport: Problem, x: Tensor, generator: torch.Generator | None = None) -> tuple[list[float], int]:
        """The ``steps + 1`` times of the grid, and the evaluations it took to find them."""
        if self.grid == "measured":
            return measured(transport, x, self.steps, self.order, generator)
        return (ends if self.grid == "ends" else uniform)(transport.start, transport.stop, self.steps), 0

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

    def _solves_odes_only(self) -> UsageError:
        return UsageError(
            "the method solves ODEs, and this problem has noise",
            where=type(self).__name__,
            allowed="euler-maruyama, stochastic-heun or another SDE method; or epsilon = 0",
        )

    def _check(self, transport: Problem, generator: torch.Generator | None) -> None:
        if not transport.stochastic:
            return
        if not self.stochastic:
            raise self._solves_odes_only()
        if generator is None:
            raise UsageError(
                "an SDE needs a source of noise",
                where=type(self).__name__,
                fix="pass generator=torch.Generator(x.device).manual_seed(0)",
            )
