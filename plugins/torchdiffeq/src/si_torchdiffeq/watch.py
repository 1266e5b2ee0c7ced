"""The watch on a solver of torchdiffeq: it hands over the drift, counts, and stops a solution that goes wrong.

torchdiffeq calls ``callback_step`` before each step. Its own checks follow as assert statements; without them
(``python -O``) a step of length 0 would be repeated for ever.
"""

from __future__ import annotations

import torch
from torch import Tensor

from si_core import NumericsError, Problem, largest_state

__all__ = ["Watch"]


class Watch:
    """The right-hand side that torchdiffeq integrates.

    Args:
        problem: the problem.
        max_steps: how many steps the solver may try.
        fix: what to try when it fails.
    """

    def __init__(self, problem: Problem, max_steps: int, fix: str) -> None:
        self.problem, self.max_steps, self.fix = problem, max_steps, fix
        self.first, self.last = sorted((problem.start, problem.stop))
        self.time = problem.start
        self.evaluations = self.steps = 0
        self._latest: tuple[float, Tensor] | None = None

    @property
    def where(self) -> str:
        """The solver and the last time of which it is known."""
        return f"torchdiffeq at time {self.time:g} of the problem's clock"

    def __call__(self, t: Tensor, x: Tensor) -> Tensor:
        """The drift, at the nearest time within the span: in single precision a time may be rounded beyond its end."""
        self.evaluations += 1
        time = min(max(float(t), self.first), self.last)
        drift = self.problem.drift(time, x)
        self._latest = time, drift
        return drift

    def callback_step(self, t: Tensor, x: Tensor, dt: Tensor) -> None:
        """Stop before a step that can't succeed.

        Raises:
            NumericsError: a state that is not finite, a step of length 0, or too many steps.
        """
        self.refuse_non_finite(t, x)
        self.steps += 1
        step = float(dt)
        if not abs(self.time) + step > abs(self.time):
            raise NumericsError(
                "the step size became 0: the drift is not finite or not smooth enough for the tolerances",
                where=self.where,
                got=f"step {step:g} after {self.steps - 1} steps; {largest_state(x)}, {self._cause()}",
                fix=self.fix,
            )
        if self.steps > self.max_steps:
            raise NumericsError(
                "too many steps",
                where=self.where,
                got=f"{self.max_steps} steps tried, the next one {step:g} long; {largest_state(x)}",
                fix=f"max_steps above {self.max_steps}, or {self.fix}",
            )

    def refuse_non_finite(self, t: Tensor, x: Tensor) -> None:
        """Stop when a state is not finite, naming the first one.

        Raises:
            NumericsError: it is not.
        """
        self.time = float(t)
        finite = torch.isfinite(x)
        if bool(finite.all()):
            return
        row, count = _first_bad(finite)
        raise NumericsError(
            f"the solution left the finite numbers: {count} of {len(x)} states",
            where=self.where,
            got=f"state {row}: norm {float(x[row].detach().norm()):g}",
            fix=self.fix,
        )

    def _cause(self) -> str:
        if self._latest is None:
            return "no evaluation"
        time, drift = self._latest
        finite = torch.isfinite(drift)
        if bool(finite.all()):
            return f"largest drift {float(drift.detach().abs().max()):g}"
        row, count = _first_bad(finite)
        return f"at time {time:g} the drift is not finite for {count} of {len(drift)} states, first for state {row}"


def _first_bad(finite: Tensor) -> tuple[int, int]:
    """The index of the first row that is not finite, and how many there are."""
    bad = (~finite).reshape(len(finite), -1).any(1)
    return int(bad.nonzero()[0]), int(bad.sum())
