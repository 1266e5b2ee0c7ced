"""The stochastic Heun method with steps of its own choice: Euler-Maruyama within it measures the error.

    p = x + h f(r, x) + dN,    x' = x + h/2 (f(r, x) + f(t, p)) + dN,    error  x' - p = h/2 (f(t, p) - f(r, x))

with the exact noise ``dN`` of variance ``int_r^t g^2`` in both. The error is the strong one of a step of Euler-Maruyama
with this noise, ``O(h^(3/2))`` and of mean O(h^2): steps are short where noise and drift make paths bend. Mean and
covariance of a step of x', which is gone on with, are off by O(h^3) where noise does not depend on the state; so with
steps ``h ~ tolerance^(2/3)`` errors of the law go like ``tolerance^(4/3)``, and calls like ``tolerance^(-2/3)``.

A step is accepted where its error is at most the tolerance (:mod:`si_integrators.tolerance`). The noise of one that is
not is kept, and refined for the shorter one (:mod:`si_integrators.noise_path`): rejections leave the law of the noise
alone. A step costs two evaluations, a rejected one one.

Rackauckas and Nie, *Adaptive methods for stochastic differential equations via natural embeddings and rejection
sampling with memory*, 2017; Lamba, *An adaptive timestepping algorithm for stochastic differential equations*, 2003.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor

from si_core import DriftParts, Integrator, Largest, Problem, Trajectory, largest_state
from si_integrators.noise_path import NoisePath, NoiseVariance
from si_integrators.refusals import no_generator
from si_integrators.tolerance import Norm, Tolerance, refuse
from si_integrators.walk import walk

__all__ = ["AdaptiveStochasticHeun"]

_FIRST = 0.01
"""The first step, as a fraction of the span; the next may be ten times as long."""


class AdaptiveStochasticHeun(Integrator):
    """Stochastic Heun with steps of its own choice, for SDEs with additive noise, and ODEs.

    All states take the same steps, so the last digits of a sample depend on the rest of the batch. The law of samples
    is more accurate than single paths are: tolerances of 1e-2 are enough for most. Gradients flow through the solution,
    not through the lengths of the steps, where gradient mode is on.

    Args:
        rtol: the relative tolerance of a step's strong error; 10 roundings of the states' precision where it is below.
        atol: the absolute tolerance of the same.
        norm: whose error is held to the tolerance: the root mean square over the batch (batch), or that over each row,
            the worst of which then decides (rows).
        first_step: the length of the first step, in the problem's clock; a hundredth of the span by default.
        max_steps: how many steps, accepted and rejected, may be tried.

    Raises:
        UsageError: an option out of its range.
    """

    stochastic = True
    adaptive = True
    order = 2.0

    def __init__(
        self,
        rtol: Annotated[float, Field(gt=0, lt=1)] = 1e-3,
        atol: Annotated[float, Field(gt=0)] = 1e-3,
        norm: Norm = "batch",
        first_step: Annotated[float, Field(gt=0)] | None = None,
        max_steps: Annotated[int, Field(ge=1, le=Largest.STEPS)] = 10_000,
    ) -> None:
        refuse("adaptive-stochastic-heun", rtol, atol, norm, first_step, max_steps)
        self.rtol, self.atol, self.norm, self.max_steps = rtol, atol, norm, max_steps
        self.first_step = first_step

    def solve(self, transport: Problem, x: Tensor, generator: torch.Generator | None = None) -> Trajectory:
        """Integrate; see :meth:`si_core.Integrator.solve`. The trajectory has the first and the last state.

        Raises:
            UsageError: noise without a generator.
            NumericsError: the step became 0, or there were too many.
        """
        return self.solve_at(transport, x, (), generator)

    def solve_at(
        self, transport: Problem, x: Tensor, times: Sequence[float], generator: torch.Generator | None = None
    ) -> Trajectory:
        """Integrate, with steps that end at further times too; see :meth:`si_core.Integrator.solve_at`.

        Raises:
            UsageError: noise without a generator.
            NumericsError: the step became 0, or there were too many.
        """
        if transport.stochastic and generator is None:
            raise no_generator("adaptive-stochastic-heun")
        start, stop = float(transport.start), float(transport.stop)
        noise = NoisePath(NoiseVariance(transport, x), x, generator) if transport.stochastic else None
        trial = _Trial(transport, x, noise, Tolerance(self.rtol, self.atol, self.norm, x))
        length = min(self.first_step or _FIRST * abs(stop - start), abs(stop - start))
        order = 2.0 if noise is None else 1.5
        names = ("adaptive-stochastic-heun", "stochastic-heun")
        states, stops = [x], [*times, stop]
        for _, end in walk(trial, start, stops, length, order, self.max_steps, names):
            if end == stops[len(states) - 1]:
                states.append(trial.new)
        t = torch.tensor((transport.start, *times, transport.stop), dtype=x.dtype, device=x.device)
        return Trajectory(t, torch.stack(states), trial.evaluations)


class _Trial:
    """A state, and the step from it that is tried; of each step one number goes from the device to the host."""

    def __init__(self, problem: Problem, x: Tensor, noise: NoisePath | None, tolerance: Tolerance) -> None:
        self.evaluations, self.new = 0, x
        self._problem, self._x, self._noise, self._tolerance = problem, x, noise, tolerance
        self._drift_of = problem.drift_parts()
        self._drift: Tensor | None = None
        self._end = float(problem.start)

    def step(self, time: float, end: float) -> float:
        self._problem.prepare([time, end], self._x)
        if self._drift is None:
            self._drift = self._evaluated(time, self._x).copied()
        h, self._end = end - time, end
        predicted = torch.add(self._x, self._drift, alpha=h)
        if self._noise is not None:
            predicted = predicted + self._noise.increment(time, end)
        error = (self._evaluated(end, predicted).value() - self._drift) * (h / 2)
        self.new = predicted + error
        with torch.no_grad():
            scale = self._tolerance.scale(torch.maximum(self._x.abs(), self.new.abs()))
            return float(self._tolerance.norm(error / scale))

    def accept(self) -> None:
        self._x, self._drift = self.new, None
        if self._noise is not None:
            self._noise.forget(self._end)

    def described(self) -> str:
        finite = torch.isfinite(self.new.detach()).reshape(len(self.new), -1).all(1)
        size = largest_state(self._x)
        if bool(finite.all()):
            return size
        first, bad = int((~finite).nonzero()[0]), int((~finite).sum())
        return f"{size}; the step makes {bad} of {len(finite)} states not finite, first state {first}"

    def _evaluated(self, time: float, x: Tensor) -> DriftParts:
        self.evaluations += 1
        return self._drift_of(time, x)
