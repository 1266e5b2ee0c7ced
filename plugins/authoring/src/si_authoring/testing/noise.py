"""Checks of the noise of an integrator: its size, its independence, and that it does not mix rows.

The variance V of n independent rows is known up to the standard error ``V sqrt(2/n)``, which is allowed for.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from si_authoring.testing.check import Measured, NotApplicable, Violation, check
from si_authoring.testing.initial_values import SPANS, Counted, direction, solved
from si_core import FunctionFields, Integrator, Transport

__all__ = [
    "ERRORS",
    "evaluations",
    "noise_drawn_anew",
    "noise_size",
    "noise_without_mixing",
    "refuse_without_noise",
    "seeded",
    "shortened",
    "zero",
]

ERRORS = 5.0
"""Standard errors that are allowed for; by chance more are met once in a million times."""
_EVALUATIONS = 16
_ROWS = (20_000, 100_000)
_WORK = 4_000_000
"""Rows times evaluations of a solution, which bounds the time of a check."""


def zero(t: Tensor, x: Tensor) -> Tensor:
    """A field that vanishes."""
    return torch.zeros_like(x)


def refuse_without_noise(method: Integrator) -> None:
    """Raise :class:`NotApplicable` for a method that solves ODEs only."""
    if not method.stochastic:
        raise NotApplicable("it solves ODEs only")


def seeded(seed: int = 11) -> torch.Generator:
    """A generator."""
    return torch.Generator().manual_seed(seed)


def shortened(method: Integrator) -> tuple[Integrator, int, int]:
    """The method with few steps where it has a ``part``, the pieces that make them enough, and the rows to take."""
    short = method.part(min(1.0, _EVALUATIONS / evaluations(method)))
    cost = evaluations(short)
    return short, max(1, round(_EVALUATIONS / cost)), min(max(_WORK // cost, _ROWS[0]), _ROWS[1])


def evaluations(method: Integrator) -> int:
    """How often the method evaluates the drift of an SDE in a solution."""
    counted = Counted(zero)
    fields = FunctionFields(velocity=counted, score=zero)
    method.solve(Transport(fields, 0.5, clock="uniform"), torch.zeros(2, 1, dtype=torch.float64), seeded())
    return max(len(counted.times), 1)


def _wandering(
    method: Integrator, shape: tuple[int, ...], span: tuple[float, float], epsilon: float, generator: torch.Generator
) -> Tensor:
    """The final state of ``dX = sqrt(2 epsilon) dW`` from 0."""
    fields = FunctionFields(velocity=zero, score=zero)
    with torch.no_grad():
        return solved(method, fields, torch.zeros(shape, dtype=torch.float64), span, 1, epsilon, generator)


@check
def noise_size(method: Integrator) -> Measured | None:
    """Without drift the noise has the variance ``2 epsilon |stop - start|``, forward and backward."""
    refuse_without_noise(method)
    short, _, rows = shortened(method)
    epsilon, allowed = 0.7, ERRORS * math.sqrt(2 / rows)
    worst = Measured(0.0, allowed)
    for span in SPANS:
        final = _wandering(short, (rows, 1), span, epsilon, seeded())
        ratio = float(final.square().mean()) / (2 * epsilon)
        measured = Measured(abs(ratio - 1), allowed, f"{rows} rows, {direction(span)}")
        if not measured.deviation <= allowed:
            raise Violation(f"{direction(span)} {_describe_size(ratio)}", measured)
        worst = max(worst, measured, key=lambda one: one.deviation)
    return worst


def _describe_size(ratio: float) -> str:
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
    refuse_without_noise(method)
    short, _, _ = shortened(method)
    rows = 4000
    generator = seeded()
    first, second = (_wandering(short, (rows, 2, 2), SPANS[0], 0.5, generator).flatten(1) for _ in range(2))
    if torch.equal(first, second):
        raise Violation("two solutions from one generator have the same noise: it goes back, or is seeded again")
    if torch.equal(first, _wandering(short, (rows, 2, 2), SPANS[0], 0.5, seeded(12)).flatten(1)):
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
        measured = Measured(abs(float(correlation)), ERRORS / math.sqrt(count), f"between {name}")
        if not measured.deviation <= measured.allowed:
            raise Violation(f"{name} share their noise; it must be independent", measured)
        worst = max(worst, measured, key=lambda one: one.deviation / one.allowed)
    return worst


@check
def noise_without_mixing(method: Integrator) -> Measured:
    """A row of an SDE's solution depends on that row and its noise alone."""
    refuse_without_noise(method)
    if method.adaptive:
        raise NotApplicable("its steps depend on the batch")
    short = method.part(0.1)
    fields = FunctionFields(velocity=lambda t, x: torch.sin(x), score=zero)
    x = torch.linspace(-1, 1, 12, dtype=torch.float64).reshape(6, 2)
    other = x.clone()
    other[0] += 1
    one, two = (solved(short, fields, y, SPANS[0], 1, 0.5, seeded()) for y in (x, other))
    off = Measured(float((one[1:] - two[1:]).abs().max()), 64 * torch.finfo(torch.float64).eps * 4)
    if not off.deviation <= off.allowed:
        raise Violation("a change of one row changes the others", off)
    return off
