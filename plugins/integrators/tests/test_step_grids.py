"""Where steps stand: ends hit, orders kept, steps bounded, and placed where a closed form says that errors are."""

from __future__ import annotations

import itertools
import math
from itertools import pairwise

import pytest
import torch

import si_core as si
from si_core import UsageError
from si_integrators.adams_bashforth import AdamsBashforth
from si_integrators.edm_heun import EDMHeun
from si_integrators.euler import Euler
from si_integrators.euler_maruyama import EulerMaruyama
from si_integrators.exponential import Exponential
from si_integrators.heun import Heun
from si_integrators.midpoint import Midpoint
from si_integrators.pilot import ROWS
from si_integrators.placement import LONGEST, by_density
from si_integrators.rk4 import RK4
from si_integrators.stochastic_heun import StochasticHeun

ORDERS = {Euler: 1, Midpoint: 2, Heun: 2, RK4: 4, EulerMaruyama: 1, StochasticHeun: 2, EDMHeun: 2}
ORDERS |= {AdamsBashforth: 3, Exponential: 2}
SDE = [EulerMaruyama, StochasticHeun, EDMHeun]
SPANS = [(0.0, 1.0), (1.0, 0.0), (0.1, 0.7), (0.9, 0.2)]


def rng(seed=0):
    return torch.Generator().manual_seed(seed)


def drift(t, x):
    return (x * (1 + t)).sin() - 3 * x.tanh() * x


def states(*shape, dtype=torch.float64):
    return torch.randn(shape, generator=rng(1), dtype=dtype)


def steps_of(times):
    return torch.tensor([abs(t - r) for r, t in pairwise(times)], dtype=torch.float64)


@pytest.mark.parametrize("grid", ["uniform", "ends", "measured"])
@pytest.mark.parametrize("method", list(ORDERS))
def test_a_grid_runs_from_end_to_end(problem, method, grid):
    """Every span and every number of steps, which meet in turn from method to method."""
    turn = list(ORDERS).index(method)
    noises = (None, lambda t: 0.5 + t) if method.stochastic else (None,)
    for (k, span), noise in itertools.product(enumerate(SPANS), noises):
        steps = (1, 2, 5, 64)[(turn + k) % 4]
        task = problem(drift, noise, *span)
        trajectory = method(steps=steps, grid=grid).solve(task, states(10, 2), rng())
        assert trajectory.t.tolist() == list(span)
        assert trajectory.evaluations == len(task.times)
        assert min(span) <= min(task.times) <= max(task.times) <= max(span)
        times, _ = method(steps=steps, grid=grid).times(task, states(10, 2), rng())
        assert len(times) == steps + 1
        assert (times[0], times[-1]) == span
        sign = math.copysign(1, span[1] - span[0])
        assert all(sign * (t - r) > 0 for r, t in pairwise(times))
        assert float(steps_of(times).max()) <= LONGEST * abs(span[1] - span[0]) / steps * (1 + 1e-12)


@pytest.mark.parametrize("steps", [4, 7])
def test_ends_are_equal_steps_of_an_angle(problem, steps):
    """``w_k = sin^2(pi k/(2 steps))``, the same from both ends."""
    for span in SPANS:
        times, evaluations = Heun(steps=steps, grid="ends").times(problem(drift, None, *span), states(3, 2))
        fraction = torch.sin(torch.arange(steps + 1, dtype=torch.float64) * math.pi / (2 * steps)).square()
        wanted = span[0] + (span[1] - span[0]) * fraction
        torch.testing.assert_close(torch.tensor(times, dtype=torch.float64), wanted, rtol=0, atol=1e-15)
        assert evaluations == 0
    fine = Heun(steps=10_000, grid="ends").times(problem(drift), states(3, 2))[0]
    mirrored = [1 - t for t in fine[::-1]]
    # Near an end the steps keep their digits: (pi/2 k/steps)^2 as near to 1 as to 0, to the rounding of 1.
    torch.testing.assert_close(torch.tensor(mirrored[:10]), torch.tensor(fine[:10]), rtol=0, atol=2**-52)


@pytest.mark.parametrize("span", [(0.0, 1.0), (1.0, 0.0)])
# The first step of the exponential method of order 2 is of order 1, and here it is the longest; more steps show it.
@pytest.mark.parametrize("method", [method for method in ORDERS if method is not Exponential])
def test_the_order_stays_on_a_measured_grid(problem, method, span):
    """``dx/dt = -2 t x^2``: ``1/x = t^2 + 1/x(0)``; the density of a measured grid hardly changes with the steps."""

    def solution(t):
        return 1 / (t**2 + 1 / torch.tensor([[0.5], [1.0], [2.0]], dtype=torch.float64))

    errors = []
    for steps in (40, 80):
        task = problem(lambda t, x: -2 * t * x**2, None, *span)
        final = method(steps=steps, grid="measured").solve(task, solution(span[0])).final
        errors.append(float((final - solution(span[1])).abs().max()))
    assert math.log2(errors[0] / errors[1]) == pytest.approx(ORDERS[method], abs=0.35)


@pytest.mark.parametrize("span", [(0.0, 1.0), (1.0, 0.0)])
@pytest.mark.parametrize("method", [Euler, Heun, RK4])
def test_steps_follow_the_derivatives_of_the_drift(problem, method, span):
    """``dx/dt = exp(6 t)``: ``|x''|^(1/2) ~ exp(3 t)`` for order 1, ``|x'''|^(1/3) ~ exp(2 t)`` above."""
    times, _ = method(steps=100, grid="measured").times(
        problem(lambda t, x: x * 0 + math.exp(6 * t), None, *span), states(5, 2)
    )
    rate = 3.0 if method is Euler else 2.0
    t = torch.tensor(sorted(times), dtype=torch.float64)
    exact = ((rate * t).exp() - 1) / math.expm1(rate)
    done = (1 - 1 / LONGEST) * exact + t / LONGEST
    # A smooth density over 200 cells, smoothed over three of them.
    torch.testing.assert_close(done, torch.arange(101, dtype=torch.float64) / 100, rtol=0, atol=2e-3)


@pytest.mark.parametrize("span", [(0.0, 1.0), (1.0, 0.0)])
def test_steps_follow_the_noise_where_it_is_taken_at_the_start(problem, span):
    """No drift, ``g^2 = exp(6 t)``: Euler-Maruyama errs by ``h^2 (g^2)'/2``, stochastic Heun's trapezoid by O(h^3)."""
    task = problem(lambda t, x: torch.zeros_like(x), lambda t: math.exp(3 * t), *span)
    times, _ = EulerMaruyama(steps=100, grid="measured").times(task, states(256, 8), rng())
    t = torch.tensor(sorted(times), dtype=torch.float64)
    done = (1 - 1 / LONGEST) * ((3 * t).exp() - 1) / math.expm1(3) + t / LONGEST
    torch.testing.assert_close(done, torch.arange(101, dtype=torch.float64) / 100, rtol=0, atol=5e-3)
    times, _ = StochasticHeun(steps=100, grid="measured").times(task, states(256, 8), rng())
    torch.testing.assert_close(steps_of(times), torch.full((100,), 0.01, dtype=torch.float64))


@pytest.mark.parametrize("span", [(0.0, 1.0), (1.0, 0.0)])
@pytest.mark.parametrize("method", SDE)
def test_steps_follow_the_weak_error_of_a_linear_sde(problem, method, span):
    """``dX = -a(t) X dt + dW`` as it runs: the mean errs by ``|a^2 - a'| |X|/2``, the variance by ``a``."""
    sign = 1.0 if span[1] > span[0] else -1.0

    def rate(t):
        return 1 + 9 / (1 + ((t - 0.4) / 0.1) ** 2)

    def derivative(t):
        return -1800 * (t - 0.4) * ((rate(t) - 1) / 9) ** 2

    task = problem(lambda t, x: -sign * rate(t) * x, lambda t: 1.0, *span)
    times, _ = method(steps=64, grid="measured").times(task, states(256, 64), rng())
    cells, square, density = 4000, 1.0, []
    for k in range(cells):
        t = span[0] + (span[1] - span[0]) * (k + 0.5) / cells
        a = rate(t)
        density.append(math.sqrt(math.hypot((a * a - sign * derivative(t)) / 2 * math.sqrt(square), a)))
        square += (1 - 2 * a * square) / cells
    exact = torch.tensor(density, dtype=torch.float64)
    fraction = 0.75 * exact / exact.sum() + 0.25 / cells
    done = torch.cat([torch.zeros(1, dtype=torch.float64), fraction.cumsum(0)])
    at = torch.tensor([abs(t - span[0]) for t in times], dtype=torch.float64) * cells
    cell = at.long().clamp(max=cells - 1)
    # The pilot's 128 Euler steps resolve the bump to a tenth or so.
    torch.testing.assert_close(done[cell], torch.arange(65, dtype=torch.float64) / 64, rtol=0, atol=0.02)


def mixture_flow(way="forward", spread=0.0025, source=None):
    """The exact flow between narrow Gaussian mixtures: steep where the paths part, and near narrow ends."""
    law = {"weights": [0.5, 0.2, 0.3], "means": [[2.0, 1.0], [-1.5, 1.5], [0.0, -2.0]], "covariances": spread}
    target = si.build("distribution", "gaussian-mixture", **law, dtype="float64")
    narrow = {"weights": [0.5, 0.5], "means": [[0.0, 1.0], [0.0, -1.0]], "covariances": spread}
    source = si.build("distribution", "gaussian-mixture", **narrow, dtype="float64") if source == "narrow" else None
    source = source or si.build("distribution", "gaussian", dim=2, dtype="float64")
    parts = si.build("interpolant", "linear"), si.build("latent", "none"), si.build("coupling", "independent")
    process = si.StochasticInterpolant(*parts, source, target)
    ends = (0.0, 1.0) if way == "forward" else (1.0, 0.0)
    start = process.source if way == "forward" else process.target
    return si.Transport(si.exact_fields(process), 0.0, *ends), start.sample(200, rng())


@pytest.mark.parametrize(
    ("way", "spread", "source"), [("forward", 0.0025, None), ("backward", 0.0025, None), ("forward", 0.01, "narrow")]
)
def test_a_measured_grid_errs_less_on_a_stiff_flow(way, spread, source):
    """At equal steps, by the root mean square against 600 steps of the fourth order, which are most of the time."""
    for plugin in ("si_distributions", "si_interpolants"):
        pytest.importorskip(plugin)
    transport, x = mixture_flow(way, spread, source)
    exact = si.integrate(transport, x, RK4(steps=600)).final

    def error(method, grid):
        final = si.integrate(transport, x, method(steps=64, grid=grid)).final
        return float((final - exact).square().sum(1).mean().sqrt())

    for method in (Euler, Heun, RK4):
        assert error(method, "measured") < 0.75 * error(method, "uniform"), method


def law_of(method, transport, times):
    """Mean and covariance of the numerical solution of an affine SDE from N(0, I): ``A x + c + sum_k B_k w_k``."""
    x = torch.zeros(3 + 2 * (len(times) - 1), 2, dtype=torch.float64)
    x[1:3] = torch.eye(2)
    for k, (r, t) in enumerate(pairwise(times)):
        w = torch.zeros_like(x)
        w[3 + 2 * k : 5 + 2 * k] = torch.eye(2)
        sigma = method.deviation(transport.noise, r, t)
        buffers = [None] * (1 + method.spare)
        x = method.noisy_step(transport.drift_parts(), x, method.node_times([r, t])[0], t - r, buffers, sigma, w)
    rest = x[1:] - x[0]
    return x[0], rest.T @ rest


@pytest.mark.parametrize("latent", ["brownian", "quadratic", "sine-squared"])
@pytest.mark.parametrize("method", [EulerMaruyama, StochasticHeun])
def test_a_measured_grid_errs_less_on_a_stiff_sde(method, latent):
    """To a target of standard deviation 0.05, by the exact law of the numerical solution."""
    for plugin in ("si_distributions", "si_interpolants"):
        pytest.importorskip(plugin)
    source = si.build("distribution", "gaussian", dim=2, dtype="float64")
    target = si.build("distribution", "gaussian", mean=[1.0, -1.0], covariance=0.0025, dtype="float64")
    parts = si.build("interpolant", "linear"), si.build("latent", latent), si.build("coupling", "independent")
    transport = si.Transport(si.exact_fields(si.StochasticInterpolant(*parts, source, target)), 0.5)
    errors = {}
    for grid in ("uniform", "measured"):
        whole = method(steps=128, grid=grid)
        mean, covariance = law_of(method(), transport, whole.times(transport, source.sample(256, rng()), rng())[0])
        off = (covariance / 0.0025 - torch.eye(2)).norm(), (mean - target.means[0]).norm() / 0.05
        errors[grid] = math.hypot(*map(float, off))
    assert errors["measured"] < 0.7 * errors["uniform"]


def test_single_precision_places_steps_as_double_does():
    pytest.importorskip("si_distributions")
    pytest.importorskip("si_interpolants")
    transport, x = mixture_flow()
    for method in (Euler, RK4):
        for steps in (16, 128):
            one, two = (method(steps=steps, grid="measured").times(transport, y)[0] for y in (x, x.float()))
            torch.testing.assert_close(torch.tensor(one), torch.tensor(two), rtol=0, atol=0.2 / steps)


@pytest.mark.parametrize("method", [Heun, StochasticHeun])
def test_a_pilot_takes_few_rows_and_is_counted(problem, method):
    class Headed(problem):
        def head(self, rows):
            self.taken = rows
            return self

    sizes = []

    def watched(t, x):
        sizes.append(len(x))
        return drift(t, x)

    noise = (lambda t: 0.3) if method.stochastic else None
    task = Headed(watched, noise)
    trajectory = method(steps=20, grid="measured").solve(task, states(1000, 2), rng())
    loop = 20 * len(method.nodes)
    pilot = len(sizes) - loop
    assert pilot == (81 if method.stochastic else 41)
    assert set(sizes[:pilot]) == {ROWS}
    assert set(sizes[pilot:]) == {1000}
    assert task.taken == ROWS
    assert trajectory.evaluations == len(sizes)
    assert len(task.prepared) == 2, "once for the pilot, once for the loop"
    sizes.clear()
    method(steps=20, grid="measured").solve(problem(watched, noise), states(1000, 2), rng())
    assert set(sizes) == {1000}, "a problem that may be bound to its rows gets them all"


@pytest.mark.parametrize("method", SDE)
def test_the_generator_alone_decides(problem, method):
    task, x, whole = problem(drift, lambda t: 0.5 + t), states(20, 3), method(steps=8, grid="measured")
    state = torch.get_rng_state()
    one = whole.solve(task, x, rng(7)).final
    torch.manual_seed(5)
    assert torch.equal(whole.solve(task, x, rng(7)).final, one)
    assert not torch.equal(whole.solve(task, x, rng(8)).final, one)
    torch.set_rng_state(state)
    whole.solve(task, x, rng(7))
    assert torch.equal(torch.get_rng_state(), state)


def test_gradients_flow_through_the_steps_and_not_through_their_places(problem):
    x = states(4, 2).requires_grad_()
    method, task = Heun(steps=6, grid="measured"), problem(drift)
    times, _ = method.times(task, x)
    method.solve(task, x).final.sum().backward()
    fixed, y = Heun(steps=6), x.detach().clone().requires_grad_()
    fixed.times = lambda *_: (times, 0)
    fixed.solve(task, y).final.sum().backward()
    assert torch.equal(x.grad, y.grad)
    assert torch.equal(x.detach(), states(4, 2)), "the state is not changed"


def test_a_pilot_that_fails_leaves_a_grid(problem):
    """A drift beyond the pilot's steps refines from where it left the finite numbers; one that is constant nothing."""
    wild = problem(lambda t, x: x * 0 + (1.0 if t < 0.5 else math.inf))
    times, _ = Euler(steps=16, grid="measured").times(wild, states(3, 2))
    assert all(t > r for r, t in pairwise(times))
    assert times[4] >= 0.4, "most steps stand in the second half"
    flat, _ = Heun(steps=4, grid="measured").times(problem(lambda t, x: torch.ones_like(x)), states(3, 2))
    assert flat == pytest.approx([0, 0.25, 0.5, 0.75, 1])
    for empty in (states(0, 2), states(3, 2)):
        assert Euler(steps=1, grid="measured").times(wild, empty) == ([0.0, 1.0], 0)


def test_a_single_peak_is_resolved_and_its_neighbours_are_bounded():
    density = torch.zeros(64)
    density[20] = 1e9
    times = by_density(density, 0.0, 1.0, 40)
    steps = steps_of(times)
    # A quarter of the steps is spread evenly; the others stand within two cells of the peak after smoothing.
    inside = sum(18 / 64 < t < 23 / 64 for t in times)
    assert inside == pytest.approx(0.75 * 40, abs=4)
    assert float(steps.max()) <= LONGEST / 40 * (1 + 1e-9)


@pytest.mark.parametrize("grid", ["ends", "measured"])
@pytest.mark.parametrize("method", [Heun, StochasticHeun])
def test_parts_keep_the_grid_and_further_times_are_hit(method, grid):
    pytest.importorskip("si_distributions")
    pytest.importorskip("si_interpolants")
    whole = method(steps=40, grid=grid)
    part = whole.part(0.25)
    assert (part.steps, part.grid, type(part)) == (10, grid, method)
    transport, x = mixture_flow(spread=0.04)
    path = si.integrate(transport, x, whole, rng(), times=[0.3, 0.8])
    assert path.t.tolist() == pytest.approx([0.0, 0.3, 0.8, 1.0])
    exact = si.integrate(transport, x, RK4(steps=500), times=[0.3, 0.8])
    # Second order with 12 to 20 steps a part; single paths near a parting are left out by the median.
    apart = (path.x - exact.x).norm(dim=2).median(1).values
    assert float(apart.max()) < 5e-3


@pytest.mark.parametrize("method", list(ORDERS))
def test_an_unknown_grid_is_refused(method):
    with pytest.raises(UsageError, match="uniform, ends, measured"):
        method(grid="finer")
    with pytest.raises(UsageError, match="grid"):
        si.build("integrator", "heun", grid="finer")
