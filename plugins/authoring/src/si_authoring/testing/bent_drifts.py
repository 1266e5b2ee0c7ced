"""The weak order of an integrator where the drift bends: linear ones do not see how noise meets the second derivative.

    ``dY = k tanh(k Y) dtau + dW``,   ``tau = |t - start|``

is Brownian motion tilted by ``exp(-k^2 tau/2) cosh(k W_tau)``, a martingale, so its law at each time is known:

    ``Y_tau = y + W_tau + B k tau`` in law,    ``B = +-1``,    ``E B = tanh(k y)``

(Karatzas and Shreve, *Brownian Motion and Stochastic Calculus*, section 3.5). With k = 1 it is solved on a line, and in
four dimensions for ``X = Q Y``, Q orthogonal with entries of one size: each coordinate of X has to do with all of Y.
Of the conditions of weak order 2 for additive noise (Rößler, *Runge-Kutta methods for the strong approximation of
solutions of stochastic differential equations*, 2010) that of f'' shows in the mean, the others in linear SDEs.

Without drift a method gives with the same generator the noise itself, at the end of each piece of the span. Hermite
polynomials of its increments have mean 0, so the part of Y that they explain is taken away from the statistical error.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import combinations_with_replacement, pairwise

import torch
from torch import Tensor

from si_authoring.testing.check import Measured, Violation, check
from si_authoring.testing.initial_values import SPANS, direction
from si_authoring.testing.noise import ERRORS, evaluations, refuse_without_noise, seeded, zero
from si_core import FunctionFields, Integrator, NumericsError, Transport
from si_core.public.process import FieldFunction

__all__ = ["bent_drift"]

_CASES = (
    ((0.66,), SPANS[0], "on a line"),
    ((0.66, -0.66, 0.3, -1.0), SPANS[1], "in space"),
)
"""Where Y starts, the first two coordinates where f'' is largest."""

_ROWS = 50_000
_PIECE, _COARSE, _FINER = 4, 2, 4
"""Evaluations in a piece, pieces with the longer steps, and how many times smaller the others are."""

_LEAST = 0.005
"""What methods of order 2 are off by with the longer steps; less is so by chance of two terms with other signs."""

_SHORTFALL, _DIGITS = 0.3, 0.02


@check
def bent_drift(method: Integrator) -> Measured:
    """The mean of an SDE whose drift bends nears the exact one as fast as ``order`` says, on a line and in space.

    Of a method that chooses its own steps it is right to two digits.
    """
    refuse_without_noise(method)
    worst = Measured(0.0, math.inf)
    for start, span, where in _CASES:
        y, place = torch.tensor(start, dtype=torch.float64), f"{where} {direction(span)}"
        found = _of_own_steps(method, y, span, place) if method.adaptive else _of_order(method, y, span, place)
        worst = max(worst, found, key=lambda one: one.deviation / one.allowed)
    return worst


def _of_order(method: Integrator, y: Tensor, span: tuple[float, float], place: str) -> Measured:
    short = method.part(min(1.0, _PIECE / evaluations(method)))
    pieces = max(1, round(_COARSE * _PIECE / evaluations(short)))
    coarse, _ = _off(short, y, span, pieces)
    fine, errors = _off(short, y, span, _FINER * pieces)
    worst = Measured(0.0, math.inf)
    for before, after, error in zip(coarse, fine, errors, strict=True):
        allowed = max(before, _LEAST) * _FINER ** -(method.order - _SHORTFALL) + ERRORS * error
        measured = Measured(after, allowed, f"the mean, steps {_FINER} times smaller")
        if not after <= allowed:
            observed = math.log(max(before, _LEAST) / after, _FINER) if math.isfinite(after) else -math.inf
            words = f"observed weak order {observed:.2f} of the mean of an SDE whose drift bends {place}"
            raise Violation(f"{words}, claimed {method.order:g}", measured)
        worst = max(worst, measured, key=lambda one: one.deviation / one.allowed)
    return worst


def _of_own_steps(method: Integrator, y: Tensor, span: tuple[float, float], place: str) -> Measured:
    worst = Measured(0.0, math.inf)
    for off, error in zip(*_off(method, y, span, 1), strict=True):
        measured = Measured(off, _DIGITS + ERRORS * error, f"the mean of an SDE whose drift bends {place}")
        if not off <= measured.allowed:
            raise Violation("it misses a known mean where the drift bends", measured)
        worst = max(worst, measured, key=lambda one: one.deviation / one.allowed)
    return worst


def _off(method: Integrator, y: Tensor, span: tuple[float, float], pieces: int) -> tuple[list[float], list[float]]:
    """How far the means of Y's coordinates are off in pieces, and their standard errors."""
    turn, sign = _turn(len(y)), 1.0 if span[1] > span[0] else -1.0

    def drift(t: Tensor, x: Tensor) -> Tensor:
        return sign * torch.tanh(x @ turn) @ turn.T

    try:
        ends = _states(method, drift, (y @ turn.T).expand(_ROWS, -1), span, pieces)[-1] @ turn
        path = [state @ turn for state in _states(method, zero, torch.zeros_like(ends), span, pieces)]
    except NumericsError:
        return [math.inf] * len(y), [0.0] * len(y)
    steps = [(b - a) * math.sqrt(pieces) for a, b in pairwise((torch.zeros_like(ends), *path))]
    found = [_mean(ends[:, i] - y[i] - torch.tanh(y[i]), [w[:, i] for w in steps]) for i in range(len(y))]
    return [abs(mean) for mean, _ in found], [error for _, error in found]


def _states(
    method: Integrator, drift: FieldFunction, x: Tensor, span: tuple[float, float], pieces: int
) -> Sequence[Tensor]:
    """The states at the end of each piece of a span, solved with noise of variance 1 per unit of time."""
    start, stop = span
    times = [start + (stop - start) * (k / pieces) for k in range(pieces)] + [stop]
    fields, generator, states = FunctionFields(velocity=drift, score=zero), seeded(), []
    with torch.no_grad():
        for r, t in pairwise(times):
            x = method.solve(Transport(fields, 0.5, r, t, clock="uniform"), x, generator).final
            states.append(x)
    return states


def _turn(size: int) -> Tensor:
    """An orthogonal matrix with entries of one size: that of Hadamard, for a power of 2."""
    matrix, block = torch.ones(1, 1, dtype=torch.float64), torch.tensor([[1.0, 1.0], [1.0, -1.0]], dtype=torch.float64)
    while len(matrix) < size:
        matrix = torch.kron(matrix, block)
    return matrix / math.sqrt(size)


_HERMITE: tuple[Callable[[Tensor], Tensor], ...] = (
    torch.ones_like,
    lambda w: w,
    lambda w: w.square() - 1,
    lambda w: w * (w.square() - 3),
)


def _mean(values: Tensor, noise: Sequence[Tensor]) -> tuple[float, float]:
    """The mean of values (n,) and its standard error, beside what polynomials of degree 3 of the noise explain."""
    columns = [values.new_ones(len(values))]
    powers = [[hermite(w) for hermite in _HERMITE] for w in noise]
    for degree in (1, 2, 3):
        for chosen in combinations_with_replacement(range(len(noise)), degree):
            parts = [powers[j][chosen.count(j)] for j in dict.fromkeys(chosen)]
            columns.append(math.prod(parts[1:], start=parts[0]))
    features = torch.stack(columns, 1)
    weights = torch.linalg.lstsq(features.T @ features, (features.T @ values)[:, None]).solution
    left = values - (features @ weights)[:, 0]
    # The first weight is the mean of the values without the part that has the mean 0.
    return float(weights[0]), float(left.std()) / math.sqrt(len(values) - features.shape[1])
