"""Adams-Bashforth: classical coefficients, orders on every grid, and one evaluation a step."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest
import torch

from si_core import UsageError
from si_integrators.adams_bashforth import AdamsBashforth
from si_integrators.euler import Euler
from si_integrators.heun import Heun

ORDERS = (2, 3, 4)
CLASSICAL = {2: (3 / 2, -1 / 2), 3: (23 / 12, -16 / 12, 5 / 12), 4: (55 / 24, -59 / 24, 37 / 24, -9 / 24)}
SPANS = pytest.mark.parametrize("span", [(0.0, 1.0), (1.0, 0.0)])


def solution(t):
    return 1 / (t**2 + 1 / torch.tensor([[0.5], [1.0], [2.0]], dtype=torch.float64))


def decay(t, x):
    return -2 * t * x**2


@pytest.mark.parametrize("order", ORDERS)
def test_equal_steps_have_the_classical_coefficients(problem, order):
    """With a drift that is 1 in the k-th interval alone, each step shows one coefficient."""
    steps, hot = 12, 5
    task = problem(lambda t, x: torch.full_like(x, 1.0 if round(t * steps) == hot and t * steps == hot else 0.0))
    x, found = torch.zeros(1, 1, dtype=torch.float64), []
    for stop in range(hot + 1, hot + 1 + order):
        part = problem(task._drift, stop=stop / steps)
        found.append(float(AdamsBashforth(stop, order=order).solve(part, x).final) * steps)
    each = [found[0], *(b - a for a, b in pairwise(found))]
    assert each == pytest.approx(CLASSICAL[order], abs=1e-12)


@SPANS
@pytest.mark.parametrize("grid", ["uniform", "ends", "measured"])
@pytest.mark.parametrize("order", ORDERS)
def test_the_order_on_every_grid(problem, order, grid, span):
    errors = []
    for steps in (320, 640):
        task = problem(decay, None, *span)
        final = AdamsBashforth(steps, grid, order).solve(task, solution(span[0])).final
        errors.append(float((final - solution(span[1])).abs().max()))
    assert math.log2(errors[0] / errors[1]) == pytest.approx(order, abs=0.4)


@pytest.mark.parametrize("order", ORDERS)
def test_polynomials_are_exact_on_any_steps(problem, order):
    """A drift of degree ``order - 2``, at which the starting method is exact as well."""
    task = problem(lambda t, x: torch.full_like(x, (order - 1) * t ** (order - 2)))
    for grid in ("uniform", "ends"):
        final = AdamsBashforth(9, grid, order).solve(task, torch.zeros(2, 1, dtype=torch.float64)).final
        torch.testing.assert_close(final, torch.ones_like(final), rtol=0, atol=1e-13)


@pytest.mark.parametrize(("order", "more"), [(2, 0), (3, 2), (4, 6)])
def test_one_evaluation_a_step_after_the_start(problem, order, more):
    for steps in (order - 1, order, 20):
        task = problem(decay)
        trajectory = AdamsBashforth(steps, order=order).solve(task, solution(0.0))
        assert trajectory.evaluations == len(task.times) == steps + more
        assert max(task.times) <= 1.0


@pytest.mark.parametrize(("order", "method"), [(2, Euler), (3, Heun)])
def test_the_start_is_a_method_of_an_order_less(problem, order, method):
    x = solution(0.0)
    for steps in range(1, order):
        ours = AdamsBashforth(steps, order=order).solve(problem(decay), x).final
        torch.testing.assert_close(ours, method(steps).solve(problem(decay), x).final, rtol=1e-14, atol=0)


@pytest.mark.parametrize("order", [1, 5, 2.5, True, "2"])
def test_wrong_orders_are_refused(order):
    with pytest.raises(UsageError, match=r"order[\s\S]*allowed 2, 3, 4"):
        AdamsBashforth(order=order)
