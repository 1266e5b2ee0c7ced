"""The method of Dormand and Prince of order 5 with an error estimate of order 4, which chooses its own steps.

    k_i = f(r + c_i h, x + h sum_j a_ij k_j),  i = 1..7,      x' = x + h sum_j a_7j k_j,      error  h sum_j e_j k_j

The last stage is the first of the next step (FSAL), so a step costs six evaluations, an accepted one or a rejected one.
A step is accepted where its error is at most the tolerance, by :mod:`si_integrators.step_control`:

    sqrt(mean((error / (atol + rtol max(|x|, |x'|)))^2)) <= 1

Steps end exactly at the stop: the last two share what is left, and no evaluation is outside of the span.

Dormand and Prince, *A family of embedded Runge-Kutta formulae*, 1980.
"""

from __future__ import annotations

import math
from typing import Annotated, Literal, get_args

import torch
from pydantic import Field
from torch import Tensor

from si_core import Integrator, NumericsError, Problem, Trajectory, UsageError
from si_integrators.stages import Stages
from si_integrators.step_control import StepControl, first_step, trial_step

__all__ = ["Dopri5"]

Norm = Literal["batch", "rows"]

_NODES = (0.0, 1 / 5, 3 / 10, 4 / 5, 8 / 9, 1.0, 1.0)
_ROWS = (
    (1 / 5,),
    (3 / 40, 9 / 40),
    (44 / 45, -56 / 15, 32 / 9),
    (19372 / 6561, -25360 / 2187, 64448 / 6561, -212 / 729),
    (9017 / 3168, -355 / 33, 46732 / 5247, 49 / 176, -5103 / 18656),
    (35 / 384, 0.0, 500 / 1113, 125 / 192, -2187 / 6784, 11 / 84),
)
_ERROR = (71 / 57600, 0.0, -71 / 16695, 71 / 1920, -17253 / 339200, 22 / 525, -1 / 40)
_STRETCH = 1.01
_ROUNDING = 10.0
_FIX = "looser rtol and atol, float64, a method with fixed steps such as rk4, or a span such as start=1e-3"


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
        max_steps: Annotated[int, Field(ge=1)] = 10_000,
    ) -> None:
        _refuse("rtol", rtol, "0 < rtol < 1", 0 < rtol < 1)
        _refuse("atol", atol, "a finite number > 0", 0 < atol < math.inf)
        _refuse("norm", norm, ", ".join(get_args(Norm)), norm in get_args(Norm))
        _refuse("first_step", first_step, "a finite number > 0", first_step is None or 0 < first_step < math.inf)
        whole = isinstance(max_steps, int) and not isinstance(max_steps, bool)
        _refuse("max_steps", max_steps, "a whole number >= 1", whole and max_steps >= 1)
        self.rtol, self.atol, self.norm, self.max_steps = rtol, atol, norm, max_steps
        self.first_step = first_step

    def solve(self, transport: Problem, x: Tensor, generator: torch.Generator | None = None) -> Trajectory:
        """Integrate; see :meth:`si_core.Integrator.solve`. The trajectory has the first and the last state.

        Raises:
            UsageError: a problem with noise.
            NumericsError: the step became 0, or there were too many.
        """
        if transport.stochastic:
            raise UsageError(
                "the method solves ODEs, and this problem has noise",
                where="dopri5",
                allowed="stochastic-heun, exponential or another SDE method; or epsilon = 0",
            )
        time, stop = float(transport.start), float(transport.stop)
        span, sign = abs(stop - time), math.copysign(1.0, stop - time)
        rtol = max(self.rtol, _ROUNDING * torch.finfo(x.dtype).eps)
        stages = Stages(transport, x, _ROWS, _ERROR, rtol, self.atol, self.norm == "rows")
        control = StepControl(self.order)
        stages.begin(time)
        length = self.first_step or self._first_step(stages, time, span, sign)
        shortest = _ROUNDING * torch.finfo(torch.float64).eps * max(abs(time), abs(stop))
        for tried in range(self.max_steps):
            left = abs(stop - time)
            if _STRETCH * length >= left:
                step, end = stop - time, stop
            else:
                # Two equal steps rather than a long and a short one.
                step = sign * min(length, left / 2)
                end = time + step
            if not abs(step) > shortest:
                raise NumericsError(
                    "the step became 0: the drift is not finite or not smooth enough for the tolerances",
                    where=f"dopri5 at time {time:g} of the problem's clock",
                    got=f"step {length:g} after {tried} steps; {stages.described()}",
                    fix=_FIX,
                )
            error = stages.step([*(time + node * step for node in _NODES[1:5]), end, end], step)
            length = control.next(abs(step), error)
            if error <= 1:
                stages.accept()
                time = end
                if time == stop:
                    ends = torch.tensor((transport.start, transport.stop), dtype=x.dtype, device=x.device)
                    return Trajectory(ends, torch.stack((x, stages.state())), stages.evaluations)
        raise NumericsError(
            "too many steps",
            where=f"dopri5 at time {time:g} of the problem's clock",
            got=f"{self.max_steps} steps tried, the next one {length:g} long; {stages.described()}",
            fix=f"max_steps above {self.max_steps}, or {_FIX}",
        )

    def _first_step(self, stages: Stages, time: float, span: float, sign: float) -> float:
        state, slope = stages.sizes()
        trial = trial_step(state, slope, span)
        bend = stages.bend(time + sign * trial, sign * trial)
        return min(span, first_step(slope, bend, trial, self.order))


def _refuse(name: str, value: object, allowed: str, good: bool) -> None:
    if not good:
        raise UsageError("option out of range", where="dopri5", got=f"{name}={value!r}", allowed=allowed)
