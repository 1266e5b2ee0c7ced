"""Planned steps: what every method shares whose steps stand before it begins.

    t_0 = start,    t_steps = stop exactly,    h = t_{k+1} - t_k  (negative when backward)

Where they stand is an option (:mod:`si_integrators.placement`, :mod:`si_integrators.pilot`); a method advances the
state over them.
"""

from __future__ import annotations

import copy
from abc import abstractmethod
from collections.abc import Sequence
from typing import Annotated, Literal, get_args

import torch
from pydantic import Field
from torch import Tensor

from si_core import Integrator, Largest, Problem, Trajectory, UsageError
from si_integrators.pilot import measured
from si_integrators.placement import ends, uniform
from si_integrators.refusals import no_generator, only_odes
from si_integrators.waypoints import through

__all__ = ["Grid", "PlannedSteps", "Steps"]

Steps = Annotated[int, Field(ge=1, le=Largest.STEPS)]

Grid = Literal["uniform", "ends", "measured"]


class PlannedSteps(Integrator):
    """A method whose steps are placed beforehand, in the clock of the problem.

    A measured grid depends on the first states of the batch and, of an SDE, on the generator; its pilot is counted
    among the evaluations. A grid is bent to have further times among its own.

    Args:
        steps: the number of steps.
        grid: equal steps (uniform), finer ones towards both ends of the span (ends), or finer ones where a pilot run of
            at most 256 states finds a larger local error (measured).

    Raises:
        UsageError: steps below 1 or no whole number, or an unknown grid.
    """

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
    def advance(
        self,
        transport: Problem,
        x: Tensor,
        grid: list[float],
        generator: torch.Generator | None,
        kept: Sequence[int] = (),
    ) -> tuple[list[Tensor], int]:
        """The states at some times of a grid and at its end, and the evaluations of the drift.

        Args:
            transport: the problem.
            x: the initial state; it is not changed.
            grid: the times of the ends of the steps.
            generator: the source of the noise.
            kept: the positions in the grid, in order, of the inner times whose states to keep.
        """

    def solve(self, transport: Problem, x: Tensor, generator: torch.Generator | None = None) -> Trajectory:
        """Integrate; see :meth:`si_core.Integrator.solve`. The trajectory has the first and the last state.

        Gradients flow through the solution where gradient mode is on.

        Raises:
            UsageError: noise that the method does not integrate, or for which there is no generator.
        """
        return self.solve_at(transport, x, (), generator)

    def solve_at(
        self, transport: Problem, x: Tensor, times: Sequence[float], generator: torch.Generator | None = None
    ) -> Trajectory:
        """Integrate in one go over a grid that has the times among its own; see :meth:`si_core.Integrator.solve_at`.

        Raises:
            UsageError: as for :meth:`solve`.
        """
        self._check(transport, generator)
        grid, pilot = self.times(transport, x, generator)
        grid, kept = through(grid, times)
        states, evaluations = self.advance(transport, x, grid, generator, kept)
        if times:
            t = torch.tensor((grid[0], *times, grid[-1]), dtype=x.dtype, device=x.device)
        else:
            # Made where x is: a copy from the host would wait for the device.
            t = torch.linspace(grid[0], grid[-1], 2, dtype=x.dtype, device=x.device)
        return Trajectory(t, torch.stack((x, *states)), pilot + evaluations)

    def times(self, transport: Problem, x: Tensor, generator: torch.Generator | None = None) -> tuple[list[float], int]:
        """The ``steps + 1`` times of the grid, and the evaluations it took to find them."""
        if self.grid == "measured":
            return measured(transport, x, self.steps, self.order, generator)
        return (ends if self.grid == "ends" else uniform)(transport.start, transport.stop, self.steps), 0

    def part(self, fraction: float) -> PlannedSteps:
        """This method with ``max(1, round(fraction steps))`` steps.

        Raises:
            UsageError: a fraction outside (0, 1].
        """
        if not 0 < fraction <= 1:
            raise UsageError(
                "a part is a fraction of the span", got=f"fraction={fraction!r}", allowed="0 < fraction <= 1"
            )
        part = copy.copy(self)
        part.steps = max(1, round(self.steps * fraction))
        return part

    def _check(self, transport: Problem, generator: torch.Generator | None) -> None:
        if not transport.stochastic:
            return
        if not self.stochastic:
            raise only_odes(type(self).__name__)
        if generator is None:
            raise no_generator(type(self).__name__)
