"""States at inner times without new starts: dense output, and grids that pass through the times."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
import torch

from si_integrators.adams_bashforth import AdamsBashforth
from si_integrators.dopri5 import Dopri5
from si_integrators.dormand_prince import ERROR, NODES, ROWS, within
from si_integrators.exponential import Exponential
from si_integrators.rk4 import RK4
from si_integrators.sra1 import SRA1
from si_integrators.stochastic_heun import StochasticHeun
from si_integrators.waypoints import through

WAYS = pytest.mark.parametrize("span", [(0.0, 1.0), (1.0, 0.0)], ids=["forward", "backward"])
SHARES = (1e-7, 0.05, 0.5, 0.51, 0.999)


def turn(t, x):
    """Rotation by the angle ``5 (2t + sin t)``."""
    return 5 * (2 + math.cos(t)) * torch.stack((-x[:, 1], x[:, 0]), 1)


def turned(t):
    angle = torch.tensor([0.3, 1.7, 4.0], dtype=torch.float64) + 5 * (2 * t + math.sin(t))
    return torch.stack((angle.cos(), angle.sin()), 1)


def within_span(span):
    return [span[0] + fraction * (span[1] - span[0]) for fraction in SHARES]


def test_the_solution_within_a_step_is_of_order_4():
    """The order conditions of a continuous method: ``sum_j w_j(s) c_j^q = s^(q+1)/(q+1)``, and those of trees."""
    c = np.array(NODES)
    a = np.zeros((7, 7))
    for i, row in enumerate(ROWS, 1):
        a[i, : len(row)] = row
    for s in (0.0, 0.1, 0.37, 0.5, 0.8, 1.0):
        w = np.array(within(s))
        for q in range(4):
            assert w @ c**q == pytest.approx(s ** (q + 1) / (q + 1), abs=1e-12)
        assert w @ a @ c == pytest.approx(s**3 / 6, abs=1e-12)
        assert w @ a @ c**2 == pytest.approx(s**4 / 12, abs=1e-12)
        assert w @ (c * (a @ c)) == pytest.approx(s**4 / 8, abs=1e-12)
        assert w @ a @ a @ c == pytest.approx(s**4 / 24, abs=1e-12)
    assert within(1.0) == pytest.approx([*ROWS[-1], 0.0], abs=1e-14)
    assert sum(ERROR) == pytest.approx(0.0, abs=1e-14)


@WAYS
@pytest.mark.parametrize("tolerance", [1e-4, 1e-7])
def test_dense_output_costs_nothing_and_holds_the_tolerance(problem, span, tolerance):
    task, times = problem(turn, None, *span), within_span(span)
    found = Dopri5(tolerance, tolerance).solve_at(task, turned(span[0]), times)
    alone = Dopri5(tolerance, tolerance).solve(problem(turn, None, *span), turned(span[0]))
    assert found.evaluations == alone.evaluations == len(task.times)
    assert torch.equal(found.final, alone.final)
    assert torch.equal(found.t, torch.tensor([span[0], *times, span[1]], dtype=torch.float64))
    for time, state in zip(times, found.x[1:], strict=False):
        assert float((state - turned(time)).abs().max()) < 100 * tolerance


def test_gradients_through_dense_output(problem):
    x = torch.randn(2, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64).requires_grad_()
    method = Dopri5(1e-9, 1e-9)
    task = problem(lambda t, y: (y * (1 + t)).sin())
    assert torch.autograd.gradcheck(lambda y: method.solve_at(task, y, [0.21, 0.7]).x[1:], x, rtol=1e-5, atol=1e-5)


@WAYS
@pytest.mark.parametrize(
    ("method", "order"),
    [
        (RK4, 4),
        (lambda n: AdamsBashforth(n, order=4), 4),
        (lambda n: Exponential(n, order=3), 3),
        (lambda n: Exponential(n, order=4, corrector=True), 4),
    ],
    ids=["rk4", "adams-bashforth", "exponential", "corrected"],
)
def test_states_on_the_way_keep_the_order_and_cost_no_new_starts(problem, method, order, span):
    errors = []
    for steps in (100, 200):
        task, times = problem(turn, None, *span), within_span(span)[1:]
        found = method(steps).solve_at(task, turned(span[0]), times)
        assert found.evaluations == method(steps).solve(problem(turn, None, *span), turned(span[0])).evaluations
        ends = [*times, span[1]]
        errors.append(max(float((x - turned(t)).abs().max()) for t, x in zip(ends, found.x[1:], strict=True)))
    assert math.log2(errors[0] / errors[1]) > order - 0.5


@WAYS
@pytest.mark.parametrize("method", [StochasticHeun, SRA1, lambda n: Exponential(n, corrector=True)])
def test_noise_on_the_way_has_independent_increments(problem, method, span):
    task, times = problem(lambda t, x: torch.zeros_like(x), lambda t: 1.0, *span), within_span(span)[1:4]
    x, rows = torch.zeros(50_000, 1, dtype=torch.float64), 50_000
    with torch.no_grad():
        found = method(10).solve_at(task, x, times, torch.Generator().manual_seed(0)).x[:, :, 0]
    lengths = torch.tensor([span[0], *times, span[1]], dtype=torch.float64).diff().abs()
    scaled = found.diff(dim=0) / lengths.sqrt()[:, None]
    deviation = (1 + torch.eye(4, dtype=torch.float64)).sqrt() / math.sqrt(rows)
    assert bool(((scaled @ scaled.T / rows - torch.eye(4)).abs() < 5 * deviation).all())


@WAYS
@pytest.mark.parametrize("method", [lambda n: AdamsBashforth(n, order=4), lambda n: Exponential(n, order=3)])
def test_times_next_to_each_other_cost_no_digits_in_single_precision(problem, method, span):
    """Drifts a rounding apart say nothing of the bend of a solution, and must not be extrapolated from."""
    for fraction in (1e-7, 1e-5):
        times = [span[0] + (span[1] - span[0]) * part for part in (fraction, 0.5, 0.5 + fraction)]
        task = problem(turn, None, *span)
        single = method(100).solve_at(task, turned(span[0]).float(), times).final
        exact = turned(span[1])
        ours = float((single.double() - exact).abs().max())
        plain = float((method(100).solve(task, turned(span[0])).final - exact).abs().max())
        assert ours < 2 * plain + 1e-4


@pytest.mark.parametrize("direction", [1, -1])
@pytest.mark.parametrize("steps", [1, 2, 5, 40])
def test_a_grid_through_times(steps, direction):
    grid = (np.linspace(0, 1, steps + 1) ** 2)[::direction].tolist()
    for times in ([0.5], [0.001, 0.002], [0.1, 0.2, 0.3, 0.9], np.linspace(0.01, 0.99, 60).tolist()):
        asked = times[::direction]
        bent, kept = through(grid, asked)
        assert [bent[k] for k in kept] == asked
        assert (bent[0], bent[-1]) == (grid[0], grid[-1])
        assert all((b - a) * direction > 0 for a, b in pairwise(bent))
        assert len(bent) == max(len(grid), len(times) + 2)


def test_a_grid_has_times_that_are_its_own():
    grid = [k / 8 for k in range(9)]
    assert through(grid, [0.25, 0.5]) == (grid, [2, 4])
    assert through(grid, []) == (grid, [])
