"""The fixed grid: the one loop of every method of one step whose steps are known before it begins.

    ODE   X_{k+1} = step(X_k)          SDE   X_{k+1} = noisy_step(X_k, sigma_k w_k),   w_k ~ N(0, I)

A method names the times of its drift evaluations as fractions of a step, so that the transport can compute its
scalars for the whole grid at once, and writes the step. All numbers are ready before the loop begins.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Callable, Sequence
from itertools import chain, pairwise
from typing import ClassVar

import torch
from torch import Tensor

from si_core import DriftFunction, Problem
from si_integrators.planned import PlannedSteps
from si_integrators.refusals import only_odes

__all__ = ["Buffers", "FixedGrid"]

Buffers = Sequence[Tensor | None]
"""Where a step may write: the memory of the state itself, and its spare tensors. None for new tensors."""


class FixedGrid(PlannedSteps):
    """A method of one step: the next state follows from the last one alone.

    Args:
        steps: the number of steps.
        grid: equal steps (uniform), finer ones towards both ends of the span (ends), or finer ones where a pilot run of
            at most 256 states finds a larger local error (measured).

    Raises:
        UsageError: steps below 1 or no whole number, or an unknown grid.
    """

    nodes: ClassVar[tuple[float, ...]] = (0.0,)
    """The times of a step's drift evaluations, as fractions of the step."""

    spare: ClassVar[int] = 0
    """How many tensors a step needs beside the state."""

    draws: ClassVar[int] = 1
    """How many standard normal numbers a step needs for each entry of the state."""

    @abstractmethod
    def step(self, drift: DriftFunction, x: Tensor, times: tuple[float, ...], h: float, buffers: Buffers) -> Tensor:
        """The state after a step of an ODE.

        The drift at one time is used up before the next is asked for: its output may be where the network writes the
        next one too.

        Args:
            drift: the drift of the problem.
            x: the state at the beginning of the step.
            times: the times of :attr:`nodes`.
            h: the signed length of the step.
            buffers: what may be written to: the memory of x, in which the new state is left, and :attr:`spare` tensors;
                None for each where gradients are recorded, which need the old ones.
        """

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
        """The state after a step of an SDE, with the noise increment ``sigma w``.

        A method that is ``stochastic`` has it. w is standard normal, shape of x, or (draws, *shape) of several draws.

        Raises:
            UsageError: the method solves ODEs only.
        """
        raise only_odes(type(self).__name__)

    def deviation(self, noise: Callable[[float], float], r: float, t: float) -> float:
        """The standard deviation of the noise of the step from r to t: ``sqrt(|h|) noise(r)``."""
        return math.sqrt(abs(t - r)) * float(noise(r))

    def advance(
        self,
        transport: Problem,
        x: Tensor,
        grid: list[float],
        generator: torch.Generator | None,
        kept: Sequence[int] = (),
    ) -> tuple[list[Tensor], int]:
        stages = self.node_times(grid)
        plan = [(times, t - r) for times, (r, t) in zip(stages, pairwise(grid), strict=True)]
        transport.prepare(list(dict.fromkeys(chain.from_iterable(stages))), x)
        drift, step, noisy_step, states = transport.drift_parts(), self.step, self.noisy_step, []
        state, buffers = x, [None] * (1 + self.spare)
        if not torch.is_grad_enabled():
            state = x.clone()
            buffers = [state, *(torch.empty_like(state) for _ in range(self.spare))]
        noise, deviation = transport.noise, self.deviation
        sigmas = [deviation(noise, r, t) for r, t in pairwise(grid)] if transport.stochastic else []
        # A contiguous buffer: on a strided one the same generator draws other numbers.
        w = x.new_empty((self.draws, *x.shape) if self.draws > 1 else x.shape) if sigmas else x
        for first, last in pairwise((0, *kept, len(plan))):
            if sigmas:
                for (times, h), sigma in zip(plan[first:last], sigmas[first:last], strict=True):
                    state = noisy_step(drift, state, times, h, buffers, sigma, w.normal_(generator=generator))
            else:
                for times, h in plan[first:last]:
                    state = step(drift, state, times, h, buffers)
            # The next steps may work in place.
            states.append(state if last == len(plan) else state.clone())
        return states, len(plan) * len(self.nodes)

    def node_times(self, grid: list[float]) -> list[tuple[float, ...]]:
        """The times of the drift evaluations of each step of a grid."""
        # The ends are taken as they are: rounding must not step over the end of the span.
        ends = {0.0: grid[:-1], 1.0: grid[1:]}
        inner = {node: [r + node * (t - r) for r, t in pairwise(grid)] for node in self.nodes if node not in ends}
        return list(zip(*((ends | inner)[node] for node in self.nodes), strict=True))
