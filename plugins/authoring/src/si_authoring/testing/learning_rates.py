"""Conformance of learning rates: finite, not negative, and a function of the step and the number of steps alone."""

from __future__ import annotations

import math
import pickle
from collections.abc import Iterator, Sequence

import torch

from si_authoring.testing.check import Violation, check
from si_authoring.testing.setting import Output, Setting
from si_authoring.testing.suite import Suite
from si_core import LearningRate

__all__ = ["SUITE"]

_LENGTHS = (1, 2, 3, 10, 1000, 10**6)


def _places() -> Iterator[tuple[int, int]]:
    """Steps of trainings of many lengths: the first ones, the last ones, and some between."""
    for steps in _LENGTHS:
        chosen = {*range(12), *range(steps - 3, steps), *(k * steps // 16 for k in range(16))}
        yield from ((step, steps) for step in sorted(chosen) if 0 <= step < steps)


def _factor(rate: LearningRate, step: int, steps: int) -> float:
    found = rate.factor(step, steps)
    if isinstance(found, bool) or not isinstance(found, int | float):
        raise Violation(f"its factor is a {type(found).__name__} instead of a number")
    return float(found)


def _exercise(rate: LearningRate, setting: Setting) -> Sequence[Output]:
    values = [_factor(rate, step, 20) for step in range(20)]
    tensor = torch.tensor(values, dtype=setting.dtype, device=setting.device)
    return [Output("factor(step, steps)", tensor, (20,), rows=False)]


@check
def finite_and_not_negative(rate: LearningRate) -> None:
    """The factor of every step, in trainings of any length, is a finite number >= 0."""
    for step, steps in _places():
        factor = _factor(rate, step, steps)
        if not 0 <= factor < math.inf:
            raise Violation(f"its factor is {factor} in step {step} of {steps}")


@check
def of_the_step_alone(rate: LearningRate) -> None:
    """The factor depends on step and steps alone: asked in another order, or of a copy, it is the same."""
    places = list(_places())
    forward = [_factor(rate, *place) for place in places]
    copy = pickle.loads(pickle.dumps(rate))
    for name, other in (("asked again in another order", rate), ("of a copy", copy)):
        backward = [_factor(other, *place) for place in reversed(places)]
        for place, one, two in zip(places, forward, reversed(backward), strict=True):
            if one != two:
                raise Violation(f"its factor in step {place[0]} of {place[1]} is {one}, and {two} {name}")


@check
def something_is_learned(rate: LearningRate) -> None:
    """In trainings of any length some step has a factor above 0."""
    for steps in _LENGTHS:
        if not any(_factor(rate, step, of) > 0 for step, of in _places() if of == steps):
            raise Violation(f"its factor is 0 in every step of {steps}: nothing is learned")


SUITE = Suite(
    kind="learning-rate",
    exercise=_exercise,
    own=(finite_and_not_negative, of_the_step_alone, something_is_learned),
    events=((),),
)
