"""The method of Dormand and Prince of order 5 with an error estimate of order 4, which chooses its own steps.

    k_i = f(r + c_i h, x + h sum_j a_ij k_j),  i = 1..7,      x' = x + h sum_j a_7j k_j,      error  h sum_j e_j k_j

The last stage is the first of the next step (FSAL), so a step costs six evaluations, an accepted one or a rejected one.
A step is accepted where its error is at most the tolerance (:mod:`si_integrators.tolerance`), and steps end exactly at
the stop (:mod:`si_integrators.walk`); no evaluation is outside of the span. Further times cost nothing: there the
solution is the polynomial of :mod:`si_integrators.dormand_prince`.

Dormand and Prince, *A family of embedded Runge-Kutta formulae*, 1980.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor

from si_core import Integrator, Largest, Problem, Trajectory
from si_integrators.dormand_prince import ERROR, NODES, ROWS, within
from si_integrators.refusals import only_odes
from si_integrators.stages import Stages
from si_integrators.step_control import first_step, trial_step
from si_integrators.tolerance import Norm, Tolerance, refuse
from si_integrators.walk import walk

__all__ = ["Dopri5"]


class Dopri5(Integrator):
    """The adaptive Runge-Kutta method of Dormand and Prince, order 5, for ODEs; six evaluations a step.

    All states take the same steps, so the last digits of a sample depend on the rest of the batch: the drift of a
    problem is that of one time. Gradients flow through the solution, not through the lengths of the steps, where
    gradient mode is on.

    Args:
        rtol: the relative tolerance of a step; 10 roundings of the states' precision where it is below them.
        atol: the absolute tolerance of a step.
        norm: whose error is held to the tolerance: the root mean square over the batch (batch), or that over each row,
            the worst of which then decides (rows).
        first_step: the length of the first step, in the problem's clock; by default found with one more evaluation.
        max_steps: how many steps, accepted and rejected, may be tried.

    Raises:
        UsageError: an option out of its range.
    """

    adaptive = True
    order = 5.0

    def __init__(
        self,
        rtol: Annotated[float, Field(gt=0, lt=1)] = 1e-5,
        atol: Annotated[float, Field(gt=0)] = 1e-5,
        norm: Norm = "batch",
        first_step: Annotated[float, Field(gt=0)] | None = None,
        max_steps: Annotated[int, Field(ge=1, le=Largest.STEPS)] = 10_000,
    ) -> None:
        refuse("dopri5", rtol, atol, norm, first_step, max_steps)
        self.rtol, self.atol, self.norm, self.max_steps = rtol, atol, norm, max_steps
        self.first_step = first_step

    def solve(self, transport: Problem, x: Tensor, generator: torch.Generator | None = None) -> Trajectory:
        """Integrate; see :meth:`si_core.Integrator.solve`. The trajectory has the first and the last state.

        Raises:
            UsageError: a problem with noise.
            NumericsError: the step became 0, or there were too many.
        """
        return self.solve_at(transport, x, (), generator)

    def solve_at(
        self, transport: Problem, x: Tensor, times: Sequence[float], generator: torch.Generator | None = None
    ) -> Trajectory:
        """Integrate, with the states at further times from within the steps; see :meth:`si_core.Integrator.solve_at`.

        Raises:
            UsageError: a problem with noise.
            NumericsError: the step became 0, or there were too many.
        """
        if transport.stochastic:
            raise only_odes("dopri5")
        start, stop = float(transport.start), float(transport.stop)
        stages = Stages(transport, x, NODES, ROWS, ERROR, Tolerance(self.rtol, self.atol, self.norm, x))
        stages.begin(start)
        length = self.first_step or self._first_step(stages, start, stop)
        states, asked = [x], list(times)
        for time, end in walk(stages, start, [stop], length, self.order, self.max_steps, ("dopri5", "rk4")):
            while asked and abs(asked[0] - time) <= abs(end - time):
                states.append(stages.within(within((asked.pop(0) - time) / (end - time))))
        states.append(stages.state())
        t = torch.tensor((transport.start, *times, transport.stop), dtype=x.dtype, device=x.device)
        return Trajectory(t, torch.stack(states), stages.evaluations)

    def _first_step(self, stages: Stages, start: float, stop: float) -> float:
        span, sign = abs(stop - start), math.copysign(1.0, stop - start)
        state, drift = stages.sizes()
        trial = trial_step(state, drift, span)
        bend = stages.bend(start + sign * trial, sign * trial)
        return min(span, first_step(drift, bend, trial, self.order))
