"""The path of an ODE, known at the ends of the steps of its integrator, and between them.

Between the ends r and t of a step the path is the cubic with the states and the drifts at both (Hermite's), with an
error of at most ``(t - r)^4/384 x''''``. The drifts are those that the method began its steps with, so they cost
nothing. A span is cut at every step for that, which costs a method of one step nothing either; one that chooses its
steps, or uses those before, would lose by it.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor

from si_core import DriftFunction, DriftParts, Integrator, Problem, ProblemWrapper, Transport

__all__ = ["KnownPath", "can_be_cut"]


def can_be_cut(integrator: Integrator, steps: int | None) -> bool:
    """Whether a method makes the same steps in parts of a span, one step a part.

    Args:
        integrator: the method.
        steps: how many equal steps it was asked to make; None where that was left to it.
    """
    if integrator.adaptive or integrator.multistep or steps is None:
        return False
    # One that is no cheaper for a part of the span would make all its steps in each.
    return steps == 1 or integrator.part(1 / steps) is not integrator


class _Noted(ProblemWrapper):
    """A problem that keeps the first drift asked for, if it is that of the initial state x."""

    def __init__(self, inner: Problem, x: Tensor) -> None:
        super().__init__(inner)
        self._x = x
        self.first: Tensor | None = None
        self._asked = False

    def drift_parts(self) -> DriftFunction:
        drift_of = self.inner.drift_parts()

        def noted(time: float, x: Tensor) -> DriftParts:
            found = drift_of(time, x)
            if not self._asked:
                self._asked = True
                if time == self.start and torch.equal(x, self._x):
                    self.first = found.copied()
            return found

        return noted

    # The drift is what it was.
    divergence, linear, memo = ProblemWrapper.divergence, ProblemWrapper.linear, ProblemWrapper.memo


class _Rehearsal(Problem):
    """A problem that only learns the times at which a method will ask for its drift."""

    def __init__(self, problem: Problem, times: list[float]) -> None:
        self.start, self.stop, self._times = problem.start, problem.stop, times

    def prepare(self, times: Sequence[float], x: Tensor) -> None:
        self._times.extend(times)

    def drift(self, time: float, x: Tensor) -> Tensor:
        self._times.append(time)
        return torch.zeros_like(x)


class KnownPath:
    """The path of points through an ODE, found on construction.

    Args:
        transport: the ODE.
        x: where the paths begin, shape (B, *event).
        integrator: a method that :func:`can_be_cut`.
        steps: how many equal steps it was asked to make.
    """

    def __init__(self, transport: Transport, x: Tensor, integrator: Integrator, steps: int) -> None:
        self.transport, self.evaluations = transport, 0
        self._steps = steps
        method = integrator.part(1 / steps) if steps > 1 else integrator
        times = [self._time(k / steps) for k in range(steps + 1)]
        pieces = [transport.part(begin, end) for begin, end in pairwise(times)]
        # The scalars of all steps at once; step by step they would cost a twentieth of a network of four layers of 256.
        asked: list[float] = []
        for piece in pieces:
            method.solve(_Rehearsal(piece, asked), x[:1])
        transport.prepare(asked, x)
        self._states: list[Tensor] = [x]
        self._drifts: list[Tensor] = []
        for piece in pieces:
            noted = _Noted(piece, self._states[-1])
            solution = method.solve(noted, self._states[-1])
            self._drifts.append(self._drift() if noted.first is None else noted.first)
            self._states.append(solution.final)
            self.evaluations += solution.evaluations

    @property
    def final(self) -> Tensor:
        """Where the paths end, shape (B, *event)."""
        return self._states[-1]

    def position(self, fraction: float) -> float:
        """The clock position at a fraction of the span, from 0 at the start to 1 at the stop."""
        start, stop = self.transport.start, self.transport.stop
        return stop if fraction == 1 else start + fraction * (stop - start)

    def at(self, fraction: float, rows: Tensor | None = None) -> Tensor:
        """The states at a fraction of the span, of the points with these indices (None for all)."""
        k = min(int(fraction * self._steps), self._steps - 1)
        s = fraction * self._steps - k
        if s in (0.0, 1.0):
            return _chosen(self._states[k + int(s)], rows)
        if k + 1 == len(self._drifts):
            self._drifts.append(self._drift())
        first, last = (_chosen(self._states[k + i], rows) for i in (0, 1))
        drift, next_drift = (_chosen(self._drifts[k + i], rows) for i in (0, 1))
        h = (self.transport.stop - self.transport.start) / self._steps
        bend = drift * (h * s * (1 - s) ** 2) - next_drift * (h * s**2 * (1 - s))
        return first + (last - first) * (s**2 * (3 - 2 * s)) + bend

    def _drift(self) -> Tensor:
        """The drift at the last state known, where the method did not begin its step with it."""
        self.evaluations += 1
        k = len(self._drifts)
        return self.transport.drift(self.position(k / self._steps), self._states[k])

    def _time(self, fraction: float) -> float:
        if fraction in (0.0, 1.0):
            return self.transport.span[int(fraction)]
        return float(self.transport.times(torch.tensor(self.position(fraction), dtype=torch.float64)))


def _chosen(x: Tensor, rows: Tensor | None) -> Tensor:
    return x if rows is None else x[rows]
