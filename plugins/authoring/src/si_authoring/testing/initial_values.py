"""Initial value problems with known solutions, and the order in which a method's error falls with its step.

The length of a step is an option that conformance does not know. It is varied in two ways: a span in m pieces, each
solved with all steps, has steps m times smaller; and a method with equal steps takes half as many by ``part(1/2)``. The
first is right for every method of one step. A method of several steps starts anew, and with a lower order, in each
piece; so the second is tried where the first falls short.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor

from si_core import FunctionFields, Integrator, NumericsError, Transport
from si_core.public.process import Epsilon, FieldFunction

__all__ = ["KNOWN", "ROUNDING", "SPANS", "Counted", "Known", "direction", "observed_order", "solved"]

SPANS = ((0.0, 1.0), (1.0, 0.0))
ROUNDING = 1e-13
"""Errors below it say nothing."""
_SMALLEST = 1e-8
_FALL = 0.05
"""An error of order p is asymptotic below about ``0.05^p``, where the next term of its expansion is 0.05 of it."""
_SEARCHES, _PIECES, _CLOSE = 16, (2, 4, 8, 16), 0.25


def direction(span: tuple[float, float]) -> str:
    """``forward`` or ``backward``."""
    return "forward" if span[1] > span[0] else "backward"


class Counted:
    """A field that counts its calls and keeps the times.

    Args:
        function: the field ``f(t, x)``.
    """

    def __init__(self, function: FieldFunction) -> None:
        self.function, self.times = function, list[float]()

    def __call__(self, t: Tensor, x: Tensor) -> Tensor:
        self.times.append(float(t))
        return self.function(t, x)


def solved(
    method: Integrator,
    fields: FunctionFields,
    x: Tensor,
    span: tuple[float, float],
    pieces: int = 1,
    epsilon: Epsilon = 0.0,
    generator: torch.Generator | None = None,
) -> Tensor:
    """The state at the end of a span that is solved in equal pieces, in time itself."""
    start, stop = span
    ends = [start + (stop - start) * (k / pieces) for k in range(pieces)] + [stop]
    for r, t in pairwise(ends):
        x = method.solve(Transport(fields, epsilon, r, t, clock="uniform"), x, generator).final
    return x


@dataclass(frozen=True)
class Known:
    """A family of ODEs with known solutions.

    Args:
        name: in words.
        velocity: ``f(rate, t, x)``; larger rates are harder.
        solution: ``x(rate, t)``, shape (B, *event), float64.
    """

    name: str
    velocity: Callable[[float, Tensor, Tensor], Tensor]
    solution: Callable[[float, float], Tensor]

    def error(self, method: Integrator, span: tuple[float, float], rate: float, pieces: int = 1) -> float:
        """The largest error at the end of a span; infinite where the method gave up."""
        fields = FunctionFields(velocity=lambda t, x: self.velocity(rate, t, x))
        try:
            end = solved(method, fields, self.solution(rate, span[0]), span, pieces)
        except NumericsError:
            return math.inf
        off = float((end - self.solution(rate, span[1])).abs().max())
        return off if math.isfinite(off) else math.inf

    def evaluations(self, method: Integrator, span: tuple[float, float], rate: float) -> int:
        """How often the method evaluates the drift."""
        counted = Counted(lambda t, x: self.velocity(rate, t, x))
        solved(method, FunctionFields(velocity=counted), self.solution(rate, span[0]), span)
        return len(counted.times)


def _decayed(rate: float, t: float) -> Tensor:
    return 1 / (rate * t**2 + 1 / torch.tensor([[0.5], [1.0], [2.0]], dtype=torch.float64))


def _turn(rate: float, t: Tensor, x: Tensor) -> Tensor:
    return rate * (2 + torch.cos(t)) * torch.stack((-x[:, 1], x[:, 0]), 1)


def _turned(rate: float, t: float) -> Tensor:
    angle = torch.tensor([0.3, 1.7], dtype=torch.float64) + rate * (2 * t + math.sin(t))
    return torch.stack((angle.cos(), angle.sin()), 1)


KNOWN = (
    Known("dx/dt = -2 c t x^2, 1/x = c t^2 + 1/x(0)", lambda rate, t, x: -2 * rate * t * x**2, _decayed),
    Known("rotation by the angle c (2t + sin t)", _turn, _turned),
)


def observed_order(method: Integrator, problem: Known, span: tuple[float, float], order: float) -> float | None:
    """The order p in ``error ~ h^p``; None where the error is near rounding at every rate it can bear.

    Args:
        method: with equal steps, or steps whose number does not depend on the problem.
        problem: whose rate is chosen so that the error is above rounding, and small enough to be asymptotic.
        span: start and stop.
        order: what the method claims.
    """
    rate, error = _telling_rate(method, problem, span, order)
    if error == 0:
        return None
    if not math.isfinite(error):
        return -math.inf
    coarse, observed = error, -math.inf
    # Where an error changes its sign with the step, two lengths say nothing of the order; finer ones do.
    for pieces in _PIECES:
        fine = problem.error(method, span, rate, pieces)
        observed = max(observed, math.log2(coarse / max(fine, 1e-300)))
        if observed >= order or fine < 10 * ROUNDING:
            return observed
        coarse = fine
        if observed >= order - _CLOSE:
            return observed
    return max(observed, _by_parts(method, problem, span, rate, error))


def _telling_rate(method: Integrator, problem: Known, span: tuple[float, float], order: float) -> tuple[float, float]:
    """A rate whose error tells the order, and that error; 0 and infinity where all errors are too small or large."""
    largest = max(_FALL**order, 1e2 * _SMALLEST)
    middle = math.sqrt(_SMALLEST * largest)
    rate, below, above = 1.0, 0.0, math.inf
    for _ in range(_SEARCHES):
        error = problem.error(method, span, rate)
        if _SMALLEST <= error <= largest:
            return rate, error
        if error < _SMALLEST:
            below = rate
        else:
            above = rate
        if below > 0 and above < math.inf:
            rate = math.sqrt(below * above)
        else:
            aim = middle / min(max(error, ROUNDING), 1e12)
            rate *= min(max(aim ** (1 / (order + 1)), 1 / 16), 4.0)
    return rate, 0.0 if below else math.inf


def _by_parts(method: Integrator, problem: Known, span: tuple[float, float], rate: float, error: float) -> float:
    """The observed order between all steps and half of them; -inf where ``part`` does not share them out."""
    half = method.part(0.5)
    ratio = problem.evaluations(method, span, rate) / max(problem.evaluations(half, span, rate), 1)
    if ratio < 1.2:
        return -math.inf
    return math.log(problem.error(half, span, rate) / error) / math.log(ratio)
