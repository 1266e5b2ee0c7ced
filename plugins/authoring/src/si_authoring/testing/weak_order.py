"""The weak order of an integrator, observed on linear SDEs whose moments are known.

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

from si_authoring.testing.check import Measured, NotApplicable, Violation, check
from si_authoring.testing.initial_values import SPANS, direction, solved
from si_authoring.testing.noise import ERRORS, refuse_without_noise, seeded, shortened, zero
from si_core import FunctionFields, Integrator, NumericsError

__all__ = ["adaptive_moments", "weak_order"]

_PILOT, _COARSE = 10_000, 40_000
"""Rows where errors are large: in the search for a rate, and with the longer steps."""
_WINDOW = (0.2, 0.5)
"""Relative errors of the variance that stand out of the statistical error, and still fall as the order says."""
_SEARCHES, _STEP_UP = 30, 1.3
_SHORTFALL = 0.3
_FINER = 4
_LEVEL, _START = 1.0, -2.0
_RATE, _DIGITS = 2.0, 0.02
"""The rate of a problem that is no test of endurance, and the relative error of moments right to two digits."""


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
        fields = FunctionFields(velocity=lambda t, x: (x - _LEVEL) * pull, score=zero)
        x = torch.full((rows, 1), _START, dtype=torch.float64)
        try:
            with torch.no_grad():
                final = solved(method, fields, x, span, pieces, lambda t: torch.exp(k * (t - 1)) / 2, seeded())
        except NumericsError:
            return _Moments(math.inf, math.inf, 0.0, 0.0)
        exact = _decay(2 * a + k) if forward else math.exp(-k) * _decay(2 * a - k)
        mean = abs(float(final.mean()) - (_LEVEL + (_START - _LEVEL) * math.exp(-a)))
        ratio = float(final.var()) / exact
        if not (math.isfinite(ratio) and math.isfinite(mean)):
            return _Moments(math.inf, math.inf, 0.0, 0.0)
        return _Moments(mean, abs(ratio - 1), math.sqrt(exact * ratio / rows), ratio * math.sqrt(2 / rows))


def _decay(z: float) -> float:
    """``(1 - e^-z)/z``."""
    return -math.expm1(-z) / z if z else 1.0


_FAMILIES: tuple[tuple[str, Callable[[float], _Linear], Sequence[tuple[float, float]]], ...] = (
    ("with a fast pull", lambda c: _Linear(c, 1.0), SPANS),
    ("of steep noise", lambda c: _Linear(0.0, c), SPANS[:1]),
)


@check
def weak_order(method: Integrator) -> Measured:
    """Mean and variance of a linear SDE come nearer to the exact ones as fast as ``order`` says, both ways."""
    refuse_without_noise(method)
    if method.adaptive:
        raise NotApplicable("it chooses its own steps")
    short, pieces, rows = shortened(method)
    worst = Measured(0.0, math.inf)
    fall = method.order - _SHORTFALL
    for family, member, spans in _FAMILIES:
        for span in spans:
            problem = _telling(short, member, span, pieces)
            coarse = problem.off(short, span, min(rows, _COARSE), pieces)
            fine = problem.off(short, span, rows, _FINER * pieces)
            # A variance that is hardly off is so by chance, or for all rates, and says nothing of the order.
            bounds = {
                "mean": (coarse.mean, fine.mean, ERRORS * fine.mean_error),
                "variance": (max(coarse.variance, _WINDOW[0]), fine.variance, ERRORS * fine.variance_error),
            }
            for name, (before, after, statistical) in bounds.items():
                what = f"of the {name} of an SDE {family} {direction(span)}"
                measured = Measured(after, before * _FINER**-fall + statistical, f"steps {_FINER} times smaller")
                if not after <= measured.allowed:
                    raise Violation(_describe_order(what, before, after, method), measured)
                if after / measured.allowed > worst.deviation / worst.allowed:
                    worst = measured
    return worst


@check
def adaptive_moments(method: Integrator) -> Measured:
    """Mean and variance of a linear SDE are right to two digits where the method chooses its own steps, both ways."""
    refuse_without_noise(method)
    if not method.adaptive:
        raise NotApplicable("its steps are given, and its order is checked")
    worst = Measured(0.0, math.inf)
    for family, member, spans in _FAMILIES:
        for span in spans:
            found = member(_RATE).off(method, span, _COARSE, 1)
            for name, deviation, statistical in (
                ("mean", found.mean, found.mean_error),
                ("variance", found.variance, found.variance_error),
            ):
                where = f"the {name} of an SDE {family} {direction(span)}"
                measured = Measured(deviation, _DIGITS + ERRORS * statistical, where)
                if not deviation <= measured.allowed:
                    raise Violation("it misses known moments", measured)
                if deviation / measured.allowed > worst.deviation / worst.allowed:
                    worst = measured
    return worst


def _describe_order(what: str, before: float, after: float, method: Integrator) -> str:
    observed = math.log(before / after, _FINER) if math.isfinite(before) and after > 0 else -math.inf
    if not observed > _SHORTFALL:
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
