"""Stochastic Heun with steps of its own choice: the law follows the tolerance, and failures are errors."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest
import torch

from si_core import NumericsError, Problem, UsageError
from si_integrators.adaptive_stochastic_heun import AdaptiveStochasticHeun
from si_integrators.stochastic_heun import StochasticHeun

WAYS = pytest.mark.parametrize("span", [(0.0, 1.0), (1.0, 0.0)], ids=["forward", "backward"])


def rng(seed=0):
    return torch.Generator().manual_seed(seed)


def states(*shape, dtype=torch.float64):
    return torch.randn(shape, generator=rng(1), dtype=dtype)


def drift(t, x):
    return (x * (1 + t)).sin() - x.tanh() * x


def noise(t):
    return 0.5 + t


class Watched(Problem):
    """A problem whose drift pulls to 0 at a rate that grows fast, and that keeps the ends of the steps."""

    stochastic = True

    def __init__(self, start, stop):
        self.start, self.stop, self.prepared = start, stop, []

    def prepare(self, times, x):
        self.prepared.append(tuple(times))

    def rate(self, time):
        return -1 / (0.02 + abs(self.stop - time))

    def drift(self, time, x):
        return self.rate(time) * x * (1 if self.stop > self.start else -1)

    def noise(self, time):
        return 1.0


def variance_over(problem, grid, variance):
    """The variance after steps of stochastic Heun on a given grid, which is linear for a linear drift."""
    for r, t in pairwise(grid):
        h = abs(t - r)
        early, late = problem.rate(r), problem.rate(t)
        gain, of_noise = 1 + h / 2 * (early + late * (1 + h * early)), 1 + h / 2 * late
        variance = gain**2 * variance + of_noise**2 * h
    return variance


@WAYS
def test_the_error_of_the_law_falls_with_the_tolerance(span):
    """As ``tolerance^(4/3)`` for calls that go like ``tolerance^(-2/3)``; the variance on the steps taken is exact."""
    # C' = 1 - 2 C/(0.02 + s), s what is left, is solved by C = (0.02 + s) - (0.02 + s)^2 (1/1.02 - 1/1.02^2).
    exact = 0.02 - 0.02**2 * (1 / 1.02 - 1 / 1.02**2)
    errors, calls = [], []
    for tolerance in (0.1, 0.03, 0.01, 0.003, 0.001):
        task = Watched(*span)
        method = AdaptiveStochasticHeun(tolerance, tolerance)
        with torch.no_grad():
            calls.append(method.solve(task, states(4000, 1), rng()).evaluations)
        grid = [span[0]]
        for start, end in task.prepared[1:]:
            # A step that was rejected is followed by another from the same time.
            grid = [*grid[: grid.index(start) + 1], end]
        assert grid[-1] == span[1]
        errors.append(abs(variance_over(task, grid, 1.0) / exact - 1))
    assert all(b < a for a, b in pairwise(errors))
    assert math.log(errors[0] / errors[-1], 100) > 1.0
    assert math.log(calls[-1] / calls[0], 100) < 0.8
    equal = [span[0] + (span[1] - span[0]) * k / (calls[2] // 2) for k in range(calls[2] // 2 + 1)]
    assert errors[2] < 0.5 * abs(variance_over(Watched(*span), equal, 1.0) / exact - 1)


@WAYS
def test_rejected_steps_leave_the_law_alone(problem, span):
    """A first step that is far too long is rejected again and again; mean and variance have standard errors."""
    sign = 1 if span[1] > span[0] else -1
    task = problem(lambda t, x: -4 * sign * x, lambda t: 1.0, *span)
    method, rows = AdaptiveStochasticHeun(0.01, 0.01, first_step=1.0), 100_000
    with torch.no_grad():
        found = method.solve(task, torch.full((rows, 1), 2.0, dtype=torch.float64), rng())
    starts = [times[0] for times in task.prepared[1:]]
    assert len(starts) > len(set(starts)) + 1, "steps were rejected"
    variance = (1 - math.exp(-8)) / 8
    assert float(found.final.mean()) == pytest.approx(2 * math.exp(-4), abs=5 * math.sqrt(variance / rows) + 1e-3)
    assert float(found.final.var()) == pytest.approx(variance, rel=5 * math.sqrt(2 / rows) + 1e-2)


@WAYS
def test_equal_generators_give_equal_samples_and_the_state_is_not_changed(problem, span):
    task, x = problem(drift, noise, *span), states(6, 2)
    first, again, other = (AdaptiveStochasticHeun().solve(task, x, rng(seed)).final for seed in (3, 3, 4))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert torch.equal(x, states(6, 2))


@WAYS
def test_further_times_are_ends_of_steps(problem, span):
    task, x = problem(drift, noise, *span), states(6, 2)
    times = [span[0] + part * (span[1] - span[0]) for part in (1e-9, 0.3, 0.30001, 0.9)]
    found = AdaptiveStochasticHeun().solve_at(task, x, times, rng())
    assert torch.equal(found.t, torch.tensor([span[0], *times, span[1]], dtype=torch.float64))
    assert found.x.shape == (6, 6, 2)
    assert set(times) <= set(task.times)
    assert min(span) <= min(task.times) <= max(task.times) <= max(span)
    assert found.evaluations == len(task.times)


def test_states_at_further_times_have_the_law_of_the_process(problem):
    """Brownian motion seen at three times: independent increments."""
    task, times = problem(lambda t, x: torch.zeros_like(x), lambda t: 1.0), [0.2, 0.25, 0.7]
    x = torch.zeros(100_000, 1, dtype=torch.float64)
    with torch.no_grad():
        found = AdaptiveStochasticHeun().solve_at(task, x, times, rng()).x[:, :, 0]
    lengths = torch.tensor([0.2, 0.05, 0.45, 0.3], dtype=torch.float64)
    scaled = found.diff(dim=0) / lengths.sqrt()[:, None]
    deviation = (1 + torch.eye(4, dtype=torch.float64)).sqrt() / math.sqrt(100_000)
    assert bool(((scaled @ scaled.T / 100_000 - torch.eye(4)).abs() < 5 * deviation).all())


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("shape", [(5,), (5, 3), (5, 1, 2, 3), (0, 2)])
def test_any_shape(problem, shape, dtype):
    for task in (problem(drift, noise), problem(drift)):
        found = AdaptiveStochasticHeun().solve(task, states(*shape, dtype=dtype), rng())
        assert (found.x.shape, found.x.dtype) == ((2, *shape), dtype)
        assert bool(torch.isfinite(found.x).all())


def test_a_batch_that_is_not_contiguous_gets_the_same_noise(problem):
    task, x = problem(drift, noise), states(32, 16)
    method = AdaptiveStochasticHeun()
    strided = method.solve(task, x.T.contiguous().T, rng()).final
    torch.testing.assert_close(strided, method.solve(task, x, rng()).final, rtol=1e-12, atol=1e-12)


def test_single_steps_are_those_of_stochastic_heun(problem):
    task, x = problem(drift, lambda t: 0.7), states(4, 3)
    ours = AdaptiveStochasticHeun(0.9, 1e6, first_step=1.0).solve(task, x, rng(2))
    assert ours.evaluations == 2
    torch.testing.assert_close(ours.final, StochasticHeun(1).solve(task, x, rng(2)).final, rtol=1e-12, atol=1e-12)


def test_gradients(problem):
    x = states(2, 3).requires_grad_()
    for task in (problem(drift, noise), problem(drift)):
        # That the lengths of the steps depend on the state changes the result within the tolerance only.
        method = AdaptiveStochasticHeun(0.9, 1e6, first_step=0.05)
        assert torch.autograd.gradcheck(lambda y, task=task, method=method: method.solve(task, y, rng()).final, x)
        with torch.no_grad():
            still = AdaptiveStochasticHeun().solve(task, x, rng()).final
        torch.testing.assert_close(AdaptiveStochasticHeun().solve(task, x, rng()).final, still)


@pytest.mark.parametrize("onset", [-1.0, 0.4])
@pytest.mark.parametrize("noisy", [None, noise])
def test_a_drift_that_is_not_finite_is_an_error(problem, broken, onset, noisy):
    with pytest.raises(NumericsError, match=r"step became 0[\s\S]*1 of 3 states"):
        AdaptiveStochasticHeun().solve(problem(broken(onset), noisy), states(3, 2), rng())


def test_too_many_steps_are_an_error(problem):
    with pytest.raises(NumericsError, match=r"too many steps[\s\S]*max_steps above 3"):
        AdaptiveStochasticHeun(max_steps=3).solve(problem(drift, noise), states(3, 2), rng())


def test_noise_needs_a_generator(problem):
    with pytest.raises(UsageError, match="generator="):
        AdaptiveStochasticHeun().solve(problem(drift, noise), states(3, 2))


@pytest.mark.parametrize("options", [{"rtol": 0.0}, {"atol": math.inf}, {"norm": "largest"}, {"max_steps": True}])
def test_wrong_options_are_refused(options):
    with pytest.raises(UsageError, match=r"adaptive-stochastic-heun: [\s\S]*allowed"):
        AdaptiveStochasticHeun(**options)
