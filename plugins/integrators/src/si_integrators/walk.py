"""The walk of an adaptive method: steps tried, taken again where their error is too large, and ended at given times.

A step is followed by one of the length that :mod:`si_integrators.step_control` gives. Before a time at which the walk
has to stop, the last two steps share what is left.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Protocol

import torch

from si_core import NumericsError
from si_integrators.step_control import StepControl

__all__ = ["Trial", "walk"]

_STRETCH = 1.01
_ROUNDING = 10 * torch.finfo(torch.float64).eps
_FIX = "looser rtol and atol, float64, a method with fixed steps such as {}, or a span such as start=1e-3"


class Trial(Protocol):
    """A state, and the step from it that is tried."""

    def step(self, time: float, end: float) -> float:
        """Try the step from the time of the state to another; the error in units of the tolerance."""

    def accept(self) -> None:
        """Go on from the state after the step."""

    def described(self) -> str:
        """The state, for an error."""


def walk(
    trial: Trial,
    start: float,
    stops: Sequence[float],
    length: float,
    order: float,
    max_steps: int,
    names: Sequence[str],
) -> Iterator[tuple[float, float]]:
    """The accepted steps, as the times of their ends; each is given out before its state is gone on from.

    Args:
        trial: what tries a step.
        start: the time of the initial state.
        stops: the times at which a step has to end, in order, the last one included.
        length: of the first step.
        order: of the error: how it goes with the length of a step.
        max_steps: how many steps, accepted and rejected, may be tried.
        names: of the method, and of one with fixed steps, for errors.

    Raises:
        NumericsError: the step became 0, or there were too many.
    """
    name, fix = names[0], _FIX.format(names[1])
    control, time, tried = StepControl(order), start, 0
    sign, shortest = math.copysign(1.0, stops[-1] - start), _ROUNDING * max(abs(start), abs(stops[-1]))
    for stop in stops:
        while time != stop:
            where = f"{name} at time {time:g} of the problem's clock"
            if tried == max_steps:
                raise NumericsError(
                    "too many steps",
                    where=where,
                    got=f"{max_steps} steps tried, the next one {length:g} long; {trial.described()}",
                    fix=f"max_steps above {max_steps}, or {fix}",
                )
            if not length > shortest:
                raise NumericsError(
                    "the step became 0: the drift is not finite or not smooth enough for the tolerances",
                    where=where,
                    got=f"step {length:g} after {tried} steps; {trial.described()}",
                    fix=fix,
                )
            left = abs(stop - time)
            lands = _STRETCH * length >= left
            # Two equal steps rather than a long and a short one.
            end = stop if lands else time + sign * min(length, left / 2)
            tried += 1
            error = trial.step(time, end)
            following = control.next(abs(end - time), error)
            if error <= 1:
                yield time, end
                trial.accept()
                time = end
                # A step that had to be short says nothing against a longer one.
                following = max(following, length) if lands else following
            length = following
