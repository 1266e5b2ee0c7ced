"""Checks of the noise of an integrator, on linear SDEs whose moments are known.

    ``dX = -a (X - m) dtau + sqrt(2 epsilon(t)) dW``,   ``tau = |t - start|``,   ``2 epsilon = e^(k(t-1))``

is pulled to m in both directions. From x its moments after a span of length 1 are

    mean      ``m + (x - m) e^-a``
    variance  ``E(2a + k)`` forward, ``e^-k E(2a - k)`` backward,   ``E(z) = (1 - e^-z)/z``

Moments of n independent rows have standard errors: ``sqrt(V/n)`` of the mean, ``V sqrt(2/n)`` of the variance V. The
statistical error is allowed for; five standard errors are exceeded by chance once in a million times.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from si_core.contract.integrator import Integrator
from si_core.errors import NumericsError
from si_core.fields.functions import FunctionFields
from si_core.testing.check import Measured, NotApplicable, Violation, check
from si_core.testing.initial_values import SPANS, Counted, direction, solved
from si_core.transport.transport import Transport

__all__ = ["noise_drawn_anew", "noise_size", "noise_without_mixing", "weak_order"]

_ERRORS = 5.0
_EVALUATIONS = 16
_ROWS = (20_000, 100_000)
_WORK = 4_000_000
"""Rows times evaluations of a solution, which bounds the time of a check."""
_PILOT, _COARSE = 10_000, 40_000
"""Rows where errors are large: in the search for a rate, and with the longer steps."""
_WINDOW = (0.2, 0.5)
"""Relative errors of the variance that stand out of the statistical error, and still fall as the order says."""
_SEARCHES, _STEP_UP = 30, 1.3
_SHORTFALL = 0.3
_FINER = 4
_LEVEL, _START = 1.0, -2.0


def _zero(t: Tensor, x: Tensor) -> Tensor:
    return torch.zeros_like(x)


def _refuse_without_noise(method: Integrator) -> None:
    if not method.stochastic:
        raise NotApplicable("it solves ODEs only")


def _seeded(seed: int = 11) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def _shortened(method: Integrator) -> tuple[Integrator, int, int]:
    """The method with few steps where it has a ``part``, the pieces that make them enough, and the rows to take."""
    short = method.part(min(1.0, _EVALUATIONS / _cost(method)))
    cost = _cost(short)
    return short, max(1, round(_EVALUATIONS / cost)), min(max(_WORK // cost, _ROWS[0]), _ROWS[1])


def _cost(method: Integrator) -> int:
    counted = Counted(_zero)
    fields = FunctionFields(velocity=counted, score=_zero)
    method.solve(Transport(fields, 0.5, clock="uniform"), torch.zeros(2, 1, dtype=torch.float64), _seeded())
    return max(len(counted.times), 1)


def _wandering(
    method: Integrator, shape: tuple[int, ...], span: tuple[float, float], epsilon: float, generator: torch.Generator
) -> Tensor:
    """The final state of ``dX = sqrt(2 epsilon) dW`` from 0."""
    fields = FunctionFields(velocity=_zero, score=_zero)
    with torch.no_grad():
        return solved(method, fields, torch.zeros(shape, dtype=torch.float64), span, 1, epsilon, generator)


@check
def noise_size(method: Integrator) -> Measured | None:
    """Without drift the noise has the variance ``2 epsilon |stop - start|``, forward and backward."""
    _refuse_without_noise(method)
    short, _, rows = _shortened(method)
    epsilon, allowed = 0.7, _ERRORS * math.sqrt(2 / rows)
    worst = Measured(0.0, allowed)
    for span in SPANS:
        final = _wandering(short, (rows, 1), span, epsilon, _seeded())
        ratio = float(final.square().mean()) / (2 * epsilon)
        measured = Measured(abs(ratio - 1), allowed, f"{rows} rows, {direction(span)}")
        if not measured.deviation <= allowed:
            raise Violation(f"{direction(span)} {_size_in_words(ratio)}", measured)
        worst = max(worst, measured, key=lambda one: one.deviation)
    return worst


def _size_in_words(ratio: float) -> str:
    if not math.isfinite(ratio):
        return "the noise is not finite: it goes with sqrt(|h|), for a backward step h is negative"
    if ratio == 0:
        return "there is no noise"
    if abs(ratio - 0.5) < 0.05:
        return "the noise has half the variance it should have: sqrt(epsilon) where sqrt(2 epsilon) is meant"
    if abs(ratio - 2) < 0.2:
        return "the noise has twice the variance it should have"
    words = f"the noise has {ratio:.3g} times the variance it should have"
    if ratio > 1:
        return f"{words}: draw it anew at each step, and scale it with sqrt(|h|)"
    return f"{words}: scale it with sqrt(|h|), not with |h|"


@check
def noise_drawn_anew(method: Integrator) -> Measured:
    """Noise is independent between rows, coordinates and successive solutions, and another for another generator."""
    _refuse_without_noise(method)
    short, _, _ = _shortened(method)
    rows = 4000
    generator = _seeded()
    first, second = (_wandering(short, (rows, 2, 2), SPANS[0], 0.5, generator).flatten(1) for _ in range(2))
    if torch.equal(first, second):
        raise Violation("two solutions from one generator have the same noise: it goes back, or is seeded again")
    if torch.equal(first, _wandering(short, (rows, 2, 2), SPANS[0], 0.5, _seeded(12)).flatten(1)):
        raise Violation("another generator makes the same noise: the generator given is not used")
    if bool((first == first[:1]).all()):
        raise Violation("all rows get the same noise; draw it for each row")
    size = first.square().mean()
    covariance = first.T @ first / rows / size
    worst = Measured(0.0, 1.0)
    pairs = {
        "rows": ((first[1:] * first[:-1]).mean() / size, first[1:].numel()),
        "coordinates": ((covariance - torch.diag(covariance.diagonal())).abs().max(), rows),
        "successive solutions": ((first * second).mean() / size, first.numel()),
    }
    for name, (correlation, count) in pairs.items():
        # Products of independent numbers of variance 1 have variance 1.
        measured = Measured(abs(float(correlation)), _ERRORS / math.sqrt(count), f"between {name}")
        if not measured.deviation <= measured.allowed:
            raise Violation(f"{name} share their noise; it must be independent", measured)
        worst = max(worst, measured, key=lambda one: one.deviation / one.allowed)
    return worst


@check
def noise_without_mixing(method: Integrator) -> Measured:
    """A row of an SDE's solution depends on that row and its noise alone."""
    _refuse_without_noise(method)
    if method.adaptive:
        raise NotApplicable("its steps depend on the batch")
    short = method.part(0.1)
    fields = FunctionFields(velocity=lambda t, x: torch.sin(x), score=_zero)
    x = torch.linspace(-1, 1, 12, dtype=torch.float64).reshape(6, 2)
    other = x.clone()
    other[0] += 1
    one, two = (solved(short, fields, y, SPANS[0], 1, 0.5, _seeded()) for y in (x, other))
    off = Measured(float((one[1:] - two[1:]).abs().max()), 64 * torch.finfo(torch.float64).eps * 4)
    if not off.deviation <= off.allowed:
        raise Violation("a change of one row changes the others", off)
    return off


@dataclass(frozen=True)
class _Moments:
    """How far the moments of n rows are off: the mean, and the variance relative to the exact one."""

    mean: float
    variance: float
    mean_error: float
    variance_error: float


@dataclass(frozen=True)
class _Linear:
    """The linear SDE of a rate a and a steepness k."""

    rate: float
    steepness: float

    def off(self, method: Integrator, span: tuple[float, float], rows: int, pieces: int) -> _Moments:
        """How far the moments of a solution in pieces are off."""
        a, k, forward = self.rate, self.steepness, span[1] > span[0]
        pull = -a if forward else a
        fields = FunctionFields(velocity=lambda t, x: (x - _LEVEL) * pull, score=_zero)
        x = torch.full((rows, 1), _START, dtype=torch.float64)
        try:
            with torch.no_grad():
                final = solved(method, fields, x, span, pieces, lambda t: torch.exp(k * (t - 1)) / 2, _seeded())
        except NumericsError:
            return _Moments(math.inf, math.inf, 0.0, 0.0)
        exact = _slope(2 * a + k) if forward else math.exp(-k) * _slope(2 * a - k)
        mean = abs(float(final.mean()) - (_LEVEL + (_START - _LEVEL) * math.exp(-a)))
        ratio = float(final.var()) / exact
        if not (math.isfinite(ratio) and math.isfinite(mean)):
            return _Moments(math.inf, math.inf, 0.0, 0.0)
        return _Moments(mean, abs(ratio - 1), math.sqrt(exact * ratio / rows), ratio * math.sqrt(2 / rows))


def _slope(z: float) -> float:
    """``(1 - e^-z)/z``."""
    return -math.expm1(-z) / z if z else 1.0


_FAMILIES: tuple[tuple[str, Callable[[float], _Linear], Sequence[tuple[float, float]]], ...] = (
    ("with a fast pull", lambda c: _Linear(c, 1.0), SPANS),
    ("of steep noise", lambda c: _Linear(0.0, c), SPANS[:1]),
)


@check
def weak_order(method: Integrator) -> Measured:
    """Mean and variance of a linear SDE come nearer to the exact ones as fast as ``order`` says, both ways."""
    _refuse_without_noise(method)
    short, pieces, rows = _shortened(method)
    worst = Measured(0.0, math.inf)
    fall = 0.0 if method.adaptive else method.order - _SHORTFALL
    for family, member, spans in _FAMILIES:
        for span in spans:
            problem = _telling(short, member, span, pieces)
            coarse = problem.off(short, span, min(rows, _COARSE), pieces)
            fine = problem.off(short, span, rows, _FINER * pieces)
            # A variance that is hardly off is so by chance, or for all rates, and says nothing of the order.
            bounds = {
                "mean": (coarse.mean, fine.mean, _ERRORS * fine.mean_error),
                "variance": (max(coarse.variance, _WINDOW[0]), fine.variance, _ERRORS * fine.variance_error),
            }
            for name, (before, after, statistical) in bounds.items():
                what = f"of the {name} of an SDE {family} {direction(span)}"
                measured = Measured(after, before * _FINER**-fall + statistical, f"steps {_FINER} times smaller")
                if not after <= measured.allowed:
                    raise Violation(_slow_in_words(what, before, after, method), measured)
                if after / measured.allowed > worst.deviation / worst.allowed:
                    worst = measured
    return worst


def _slow_in_words(what: str, before: float, after: float, method: Integrator) -> str:
    observed = math.log(before / after, _FINER) if math.isfinite(before) and after > 0 else -math.inf
    if method.adaptive or not observed > _SHORTFALL:
        return f"the error {what} does not fall with the step"
    return f"observed weak order {observed:.2f} {what}, claimed {method.order:g}"


def _telling(method: Integrator, member: Callable[[float], _Linear], span: tuple[float, float], pieces: int) -> _Linear:
    """The member of a family whose variance is off by a measurable amount that is not yet large, the first found."""
    rate, (low, high) = 2.0, _WINDOW
    below, above = 0.0, math.inf
    for _ in range(_SEARCHES):
        off = member(rate).off(method, span, _PILOT, pieces).variance
        if low <= off <= high:
            break
        # Upwards in small steps: with its step an error may change its sign before it grows without bound.
        if off < low:
            below = rate
            rate = rate * _STEP_UP if math.isinf(above) else math.sqrt(below * above)
        else:
            above = rate
            rate = math.sqrt(below * above) if below else rate / 2
    return member(rate)
