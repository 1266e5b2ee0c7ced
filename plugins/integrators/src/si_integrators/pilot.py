"""Steps placed by a pilot: a cheap run on few states that tells where the local error of the method is large.

A method of order p errs in a step of length h by ``C h^(p+1) e(t)``; errors are equal where steps are proportional to
``e^(-1/(p+1))`` (equidistribution; de Boor, *Good approximation by splines with variable knots*, 1973). The pilot takes
M equal Euler steps and measures e, as a root mean square over states and coordinates:

* **ODE**: the k-th difference of the drift along the solution, as ``e = |x^(k+1)|``, with ``k = min(p, 2)`` for
  differences of higher order are made of rounding.
* **SDE**: the first terms of the weak error, of p = 1, for states of size 1. With both signs of the noise at each step,

      ``(f(x + h f + dW) + f(x + h f - dW))/2 - f(x) = h L f``,      ``(f(x + h f + dW) - f(x + h f - dW))/2 = f' dW``

  give the error ``h^2/2 L f`` of the mean, L the generator, and that of the covariance, ``h^2 (g^2 f' + (g^2)'/2)``,
  whose last term an integral of g^2 of second order does not have.
"""

from __future__ import annotations

import math
from itertools import pairwise

import torch
from torch import Tensor

from si_core import Problem
from si_integrators.placement import by_density, uniform

__all__ = ["CELLS", "ROWS", "density", "measured"]

ROWS = 256
"""The most states of a pilot, where the problem can be had for the first of them alone."""

CELLS = 256
"""The most steps of a pilot."""

_FEWEST = 8

_TINY = 1e-100


def measured(
    problem: Problem, x: Tensor, steps: int, order: float, generator: torch.Generator | None
) -> tuple[list[float], int]:
    """The times of ``steps`` steps, and the evaluations of the drift that it took to find them.

    Args:
        problem: the problem.
        x: the initial states, shape (B, *event), of which the pilot takes the first.
        steps: the number of steps.
        order: p, of the method.
        generator: the source of the noise of an SDE.
    """
    if steps == 1 or len(x) == 0:
        return uniform(problem.start, problem.stop, steps), 0
    found, evaluations = density(problem, x, min(max(2 * steps, _FEWEST), CELLS), order, generator)
    return by_density(found, problem.start, problem.stop, steps), evaluations


def density(
    problem: Problem, x: Tensor, cells: int, order: float, generator: torch.Generator | None
) -> tuple[Tensor, int]:
    """How many steps there should be in each of equal cells from start to stop, and the evaluations it took.

    Args:
        problem: the problem.
        x: the initial states, shape (B, *event) with B > 0, of which the pilot takes the first.
        cells: M.
        order: p, of the method.
        generator: the source of the noise of an SDE.

    Returns:
        Up to a factor ``e^(1/(p+1))``, shape (M,), float64.
    """
    few = problem.head(ROWS) if len(x) > ROWS else None
    if few is not None:
        problem, x = few, x[:ROWS]
    grid = uniform(problem.start, problem.stop, cells)
    with torch.no_grad():
        problem.prepare(grid, x)
        if problem.stochastic:
            errors, evaluations = _weak_errors(problem, x, grid, order, generator)
            power = 0.5
        else:
            k = 1 if order < 2 else 2
            errors, evaluations = _differences(problem, x, grid, k)
            power = 1 / (k + 1)
    largest = torch.where(errors.isfinite(), errors, 0).max().clamp(min=_TINY)
    # From where the pilot left the finite numbers its steps were too long.
    errors = torch.where(errors.isfinite(), errors, largest)
    return errors**power, evaluations


def _differences(problem: Problem, x: Tensor, grid: list[float], k: int) -> tuple[Tensor, int]:
    """The size of the k-th difference of the drift on each cell, shape (M,), and the evaluations."""
    drift = problem.drift_parts()
    last, sizes = [drift(grid[0], x).copied()], []
    for r, t in pairwise(grid):
        x = torch.add(x, last[-1], alpha=t - r)
        last = [*last[-k:], drift(t, x).copied()]
        if k == 1:
            sizes.append(_size(last[1] - last[0]))
        elif len(last) == 3:
            sizes.append(_size(last[2] - 2 * last[1] + last[0]))
    found = torch.stack(sizes)
    if k == 2:
        # At the inner times: a cell has the mean of both its ends.
        found = torch.cat([found[:1], (found[1:] + found[:-1]) / 2, found[-1:]])
    return found, len(grid)


def _weak_errors(
    problem: Problem, x: Tensor, grid: list[float], order: float, generator: torch.Generator | None
) -> tuple[Tensor, int]:
    """The size of the local weak error on each cell, shape (M,), and the evaluations."""
    drift, sizes = problem.drift_parts(), list[Tensor]()
    first = drift(grid[0], x).copied()
    for r, t in pairwise(grid):
        h, g = t - r, float(problem.noise(r))
        w = torch.empty_like(x, memory_format=torch.contiguous_format).normal_(generator=generator)
        ahead, kick = torch.add(x, first, alpha=h), w * (g * math.sqrt(abs(h)))
        x = ahead + kick
        plus, minus = drift(t, x).copied(), drift(t, ahead - kick).value()
        mean = ((plus + minus) / 2 - first) / (2 * h)
        spread = (plus - minus) * (math.copysign(g, h) / (2 * math.sqrt(abs(h))))
        if order < 2:
            spread += w * ((float(problem.noise(t)) ** 2 - g**2) / (2 * abs(h)))
        sizes.append(torch.hypot(_size(mean), _size(spread)))
        first = plus
    return torch.stack(sizes), 2 * len(grid) - 1


def _size(x: Tensor) -> Tensor:
    """The root mean square of all entries, a scalar in double precision."""
    return x.double().square().mean().sqrt()
