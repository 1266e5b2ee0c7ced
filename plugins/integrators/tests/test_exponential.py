"""Exponential integrators: exact for Gaussians, ODE and SDE; the methods they generalise where nothing is linear."""

from __future__ import annotations

import functools
import math

import pytest
import torch

import si_core as si
from si_core import UsageError
from si_integrators.adams_bashforth import AdamsBashforth
from si_integrators.euler_maruyama import EulerMaruyama
from si_integrators.exponential import Exponential
from si_integrators.stochastic_heun import StochasticHeun

pytest.importorskip("si_distributions")
pytest.importorskip("si_interpolants")

MEAN = 1.3
PATHS = [("linear", latent) for latent in ("none", "brownian", "quadratic", "sine-squared")]
PATHS += [("trigonometric", "none"), ("trigonometric", "brownian"), ("variance-preserving", "none")]
WAYS = pytest.mark.parametrize("span", [(0.0, 1.0), (1.0, 0.0)], ids=["forward", "backward"])


def rng(seed=0):
    return torch.Generator().manual_seed(seed)


def gaussian(interpolant, latent, deviation, mean=MEAN):
    """From N(0, 1) to N(mean, deviation^2)."""
    source = si.build("distribution", "gaussian", dim=1, dtype="float64")
    target = si.build("distribution", "gaussian", mean=[mean], covariance=deviation**2, dtype="float64")
    parts = si.build("interpolant", interpolant), si.build("latent", latent), si.build("coupling", "independent")
    return si.StochasticInterpolant(*parts, source, target)


def epsilon_of(name, process):
    match name:
        case "gamma":
            return si.build("diffusion", "gamma")
        case "likelihood-optimal":
            return si.build("diffusion", "likelihood-optimal", interpolant=process.interpolant, latent=process.latent)
        case number:
            return number


def law(monkeypatch, method, transport, mean, variance):
    """Mean and variance of the numerical solution of a linear problem: each row has one noise of size 1, or none."""
    drawn = []

    def unit_noise(buffer, generator=None):
        buffer.zero_()
        buffer[2 + len(drawn)] = 1
        drawn.append(generator)
        return buffer

    x = torch.zeros(method.steps + 2, 1, dtype=torch.float64)
    x[1] = 1
    with monkeypatch.context() as patch:
        patch.setattr(torch.Tensor, "normal_", unit_noise)
        final = method.solve(transport, x, torch.Generator()).final[:, 0]
    response = final - final[0]
    return float(response[1] * mean + final[0]), float(response[1] ** 2 * variance + response[2:].square().sum())


LEVELS = (0.0, 0.5, 3.0, "gamma", "likelihood-optimal")
# Each level meets each path and each width, each width each path, in turn forward and backward.
EXACT = [
    pytest.param(
        *path, deviation, LEVELS[(i + j + 3 * k) % 5], ((0.0, 1.0), (1.0, 0.0))[(i + j + k) % 2], id=f"{i}{j}{k}"
    )
    for i, path in enumerate(PATHS)
    for j, deviation in enumerate((0.02, 0.3, 1.5))
    for k in range(2)
    if not (path[1] == "none" and LEVELS[(i + j + 3 * k) % 5] == "gamma")  # no latent, no gamma
]


@pytest.mark.parametrize(("interpolant", "latent", "deviation", "epsilon", "span"), EXACT)
def test_exact_for_gaussians(monkeypatch, interpolant, latent, deviation, epsilon, span):
    """In three steps, to what the quadrature of scalars is worth, less with layers of width 0.02."""
    process = gaussian(interpolant, latent, deviation)
    transport = si.Transport(si.exact_fields(process), epsilon_of(epsilon, process), *span)
    ends = [(0.0, 1.0), (MEAN, deviation**2)]
    (mean, variance), (goal, aim) = ends if span[1] > span[0] else ends[::-1]
    for order, corrector in [(1, False), (2, False), (2, True)] + (
        [] if epsilon else [(3, False), (3, True), (4, True)]
    ):
        method = Exponential(3, order=order, spread=deviation, corrector=corrector)
        got = law(monkeypatch, method, transport, mean, variance)
        assert got[0] == pytest.approx(goal, abs=(1e-6 if deviation == 0.02 else 1e-9) * math.sqrt(aim))
        assert got[1] == pytest.approx(aim, rel=1e-11)


@WAYS
@pytest.mark.parametrize("noise", [0.0, 0.7])
@pytest.mark.parametrize(("interpolant", "latent"), PATHS)
def test_the_linear_part_is_the_drift_of_a_gaussian(interpolant, latent, noise, span):
    process = gaussian(interpolant, latent, 0.4)
    transport = si.Transport(si.exact_fields(process), noise, *span)
    times, h = [0.1, 0.35, 0.5, 0.9], 1e-5
    linear = transport.linear(times, 0.4)
    x = torch.tensor([[-1.0], [0.5], [2.0]], dtype=torch.float64)
    for k, time in enumerate(times):
        wanted = linear.rate[k] * x + linear.drive[k] * MEAN
        torch.testing.assert_close(transport.drift(time, x), wanted, rtol=1e-9, atol=1e-9)
        assert float(linear.noise_squared[k]) == pytest.approx(transport.noise(time) ** 2)
    ahead, behind = (transport.linear([time + step for time in times], 0.4).variance for step in (h, -h))
    sign = 1 if span[1] > span[0] else -1
    growth = linear.rate + sign * linear.noise_squared / (2 * linear.variance)
    torch.testing.assert_close((ahead - behind) / (2 * h), 2 * linear.variance * growth, rtol=1e-6, atol=1e-6)


@WAYS
@pytest.mark.parametrize("noise", [0.0, 0.7])
@pytest.mark.parametrize(("interpolant", "latent"), PATHS)
def test_the_share_of_networks_is_the_drift_of_unit_variance(interpolant, latent, noise, span):
    transport = si.Transport(si.exact_fields(gaussian(interpolant, latent, 1.0, mean=0.0)), noise, *span)
    times, x = [0.1, 0.35, 0.5, 0.9], torch.tensor([[-1.0], [0.5], [2.0]], dtype=torch.float64)
    linear = transport.linear(times)
    for k, time in enumerate(times):
        torch.testing.assert_close(transport.drift(time, x), linear.rate[k] * x, rtol=1e-7, atol=1e-7)
        assert float(linear.noise_squared[k]) == pytest.approx(transport.noise(time) ** 2)


@WAYS
@pytest.mark.parametrize("epsilon", [0.0, 0.7])
def test_a_law_of_unit_variance_is_exact_in_any_steps(monkeypatch, epsilon, span):
    transport = si.Transport(si.exact_fields(gaussian("linear", "brownian", 1.0, mean=0.0)), epsilon, *span)
    for order in (1, 2) if epsilon else (1, 2, 3):
        mean, variance = law(monkeypatch, Exponential(3, order=order), transport, 0.0, 1.0)
        assert mean == pytest.approx(0.0, abs=1e-9)
        # The integrals of gains and noise are quadratures here, of smooth functions.
        assert variance == pytest.approx(1.0, rel=1e-9)


@pytest.mark.parametrize(("spread", "holds"), [(None, True), (0.3, False)])
def test_the_order_for_fields_with_errors(spread, holds):
    """Where the error of a drift at t = 1 would be a pole of what is left, the default keeps the order."""
    exact = mixture(0.4, latent="none")[0].fields
    wrong = si.FunctionFields(
        velocity=lambda t, x: exact.velocity(t, x) + 0.2 * torch.cos(3 * x), process=exact.process
    )
    transport, x = si.Transport(wrong), torch.randn(200, 2, generator=rng(), dtype=torch.float64)
    with torch.no_grad():
        fine = AdamsBashforth(1500, order=4).solve(transport, x).final
        errors = [Exponential(n, order=3, spread=spread).solve(transport, x).final - fine for n in (128, 512)]
    sizes = [float(error.square().mean().sqrt()) for error in errors]
    assert (math.log2(sizes[0] / sizes[1]) / 2 >= 3 - 0.4) == holds


@functools.cache
def carried(deviation, latent="brownian", backward=False):
    """A flow of a mixture, points, and where it carries them."""
    transport, x = mixture(deviation, latent, backward=backward)
    with torch.no_grad():
        return transport, x, AdamsBashforth(1500, order=4).solve(transport, x).final


# Of each order both ways and both spreads, which meet in turn.
@pytest.mark.parametrize(
    ("backward", "order", "corrector", "spread"),
    [
        pytest.param(
            *case, marks=[pytest.mark.slow] * (case[3] not in (None, 0.3) or (case[0] + (case[3] is None)) % 2)
        )
        for case in (
            (backward, *order, spread)
            for backward in (False, True)
            for order in ((1, False), (2, False), (3, False), (2, True), (3, True), (4, True))
            for spread in (None, 0.3, 0.05, 1.0)
        )
    ],
)
def test_the_order_on_the_flow_of_a_mixture(order, corrector, spread, backward):
    """Whatever the spread; from and to ends where the drift says nothing of the modes."""
    transport, x, exact = carried(0.4, backward=backward)
    with torch.no_grad():
        methods = [Exponential(n, order=order, spread=spread, corrector=corrector) for n in (128, 512)]
        errors = [method.solve(transport, x).final - exact for method in methods]
    sizes = [float(error.square().mean().sqrt()) for error in errors]
    assert math.log2(sizes[0] / sizes[1]) / 2 >= order - 0.4


def mixture(deviation, latent="brownian", epsilon=0.0, backward=False, rows=200):
    law = {"weights": [0.5, 0.5], "means": [[1.0, 0.5], [-1.0, 0.0]], "covariances": deviation**2}
    target = si.build("distribution", "gaussian-mixture", **law, dtype="float64")
    source = si.build("distribution", "gaussian", dim=2, dtype="float64")
    parts = si.build("interpolant", "linear"), si.build("latent", latent), si.build("coupling", "independent")
    process = si.StochasticInterpolant(*parts, source, target)
    start = target if backward else source
    span = (1.0, 0.0) if backward else (0.0, 1.0)
    return si.Transport(si.exact_fields(process), epsilon, *span), start.sample(rows, rng())


@pytest.mark.parametrize("spread", [None, 0.2, 0.8])
@pytest.mark.parametrize(("order", "corrector"), [(1, False), (2, False), (2, True)], ids=str)
@WAYS
def test_weak_order_where_the_spread_is_wrong(monkeypatch, order, corrector, spread, span):
    """The drift of a Gaussian of another width is linear as well, so the law of the solution is exact."""
    process = gaussian("linear", "brownian", 0.4)
    # Of ends that tell their size the linear part is the whole drift, and nothing is wrong.
    monkeypatch.setattr(type(process.target), "moments", None)
    transport = si.Transport(si.exact_fields(process), 0.5, *span)
    ends = [(0.0, 1.0), (MEAN, 0.16)]
    (mean, variance), (goal, aim) = ends if span[1] > span[0] else ends[::-1]
    errors = []
    for steps in (40, 160):
        got = law(
            monkeypatch, Exponential(steps, order=order, spread=spread, corrector=corrector), transport, mean, variance
        )
        errors.append(abs(got[0] - goal) + abs(got[1] - aim))
    assert math.log2(errors[0] / errors[1]) / 2 >= order - 0.3


def test_an_sde_keeps_the_law_of_narrow_modes():
    """Variance about the modes and weights, in 16 steps, to statistical error; stochastic Heun is off by 100 times."""
    transport, x = mixture(0.05, "none", 0.5, rows=20_000)
    with torch.no_grad():
        final = Exponential(16, spread=0.05).solve(transport, x, rng(1)).final
    means = torch.tensor([[1.0, 0.5], [-1.0, 0.0]], dtype=torch.float64)
    squares, mode = (final[:, None] - means).square().sum(-1).min(1)
    assert float(squares.mean()) / 2 == pytest.approx(0.05**2, rel=5 / math.sqrt(20_000))
    assert float((mode == 0).double().mean()) == pytest.approx(0.5, abs=2.5 / math.sqrt(20_000))


def drift(t, x):
    return (x * (1 + t)).sin() - x.tanh() * x


@WAYS
def test_without_a_linear_part_it_is_what_it_generalises(problem, span):
    x = torch.randn(5, 2, generator=rng(1), dtype=torch.float64)
    ours = Exponential(12, order=2).solve(problem(drift, None, *span), x).final
    theirs = AdamsBashforth(12, order=2).solve(problem(drift, None, *span), x).final
    torch.testing.assert_close(ours, theirs, rtol=1e-13, atol=1e-13)
    for order, method in ((1, EulerMaruyama), (2, StochasticHeun)):
        task = problem(drift, lambda t: 0.7, *span)
        ours = Exponential(12, order=order).solve(task, x, rng(3)).final
        torch.testing.assert_close(ours, method(12).solve(task, x, rng(3)).final, rtol=1e-13, atol=1e-13)


def test_evaluations(problem):
    """One a step for an ODE, and one more for order 3 or from an end that says nothing; ``order`` a step for an SDE."""
    x = torch.zeros(2, 2, dtype=torch.float64)
    for order, more in ((1, 0), (2, 0), (3, 1)):
        assert Exponential(10, order=order).solve(problem(drift), x).evaluations == 10 + more
    for order in (1, 2):
        task = problem(drift, lambda t: 1.0)
        assert Exponential(10, order=order).solve(task, x, rng()).evaluations == len(task.times) == 10 * order
    for order, more in ((2, 1), (3, 1), (4, 2)):
        task = problem(drift)
        trajectory = Exponential(10, order=order, corrector=True).solve(task, x)
        assert trajectory.evaluations == len(task.times) == 10 + more
        assert set(task.times) == set(task.prepared[0])
    task = problem(drift, lambda t: 1.0)
    assert Exponential(10, corrector=True).solve(task, x, rng()).evaluations == len(task.times) == 11
    transport, x = mixture(0.3, "brownian")
    assert Exponential(10).solve(transport, x).evaluations == 11
    # With a spread the drift at the stop says nothing of the modes, and is not asked for.
    assert Exponential(10, spread=0.3, corrector=True).solve(transport, x).evaluations == 10
    transport, x = mixture(0.3, "none")
    assert Exponential(10).solve(transport, x).evaluations == 10


def test_single_precision_and_gradients_through_a_process():
    transport, x = mixture(0.3)
    with torch.no_grad():
        exact = Exponential(20).solve(transport, x).final
    single = Exponential(20).solve(transport, x.float()).final
    assert single.dtype == torch.float32
    torch.testing.assert_close(single.double(), exact, rtol=1e-4, atol=1e-4)
    y = x[:3].clone().requires_grad_()
    recorded = Exponential(20).solve(transport, y).final
    torch.testing.assert_close(recorded.detach(), exact[:3], rtol=1e-12, atol=1e-12)
    assert torch.autograd.gradcheck(lambda z: Exponential(4, order=3).solve(transport, z).final, y)


@pytest.mark.parametrize("order", [2, 3, 4])
@pytest.mark.parametrize("steps", [1, 2, 3])
@pytest.mark.parametrize("spread", [None, 0.3])
def test_few_corrected_steps_and_states_on_the_way(order, steps, spread):
    transport, x = mixture(0.3, rows=5)
    method = Exponential(steps, order=order, spread=spread, corrector=True)
    with torch.no_grad():
        found = method.solve_at(transport, x, (0.4, 0.7))
        end = Exponential(200, order=3).solve(transport, x).final
    assert found.x.shape == (4, 5, 2)
    assert torch.equal(found.x[0], x)
    assert float((method.solve(transport, x).final - end).abs().max()) < 2.0


def test_the_first_state_on_the_way_is_as_accurate_as_the_others():
    """At order 4 the first step is taken again: its error is then of order 4 and not 3."""
    transport, x = mixture(0.4, latent="none")
    with torch.no_grad():
        errors = []
        for steps in (20, 40):
            exact = AdamsBashforth(600, order=4).solve_at(transport, x, [1 / steps]).x[1]
            found = Exponential(steps, order=4, corrector=True).solve_at(transport, x, [1 / steps]).x[1]
            errors.append(float((found - exact).abs().max()))
    assert math.log2(errors[0] / errors[1]) > 4 - 0.4


@pytest.mark.parametrize("calls", [32, 64])
@pytest.mark.parametrize("latent", ["none", "brownian"])
def test_a_corrector_pays_at_equal_calls(calls, latent):
    transport, x, exact = carried(0.3, latent)
    with torch.no_grad():
        errors = []
        for method in (Exponential(calls - 2, order=4, corrector=True), Exponential(calls - 1, order=3)):
            found = method.solve(transport, x)
            assert found.evaluations <= calls
            errors.append(float((found.final - exact).square().mean().sqrt()))
    assert errors[0] < errors[1] / 2


def test_gradients_through_a_corrector(problem):
    x = torch.randn(2, 3, generator=rng(), dtype=torch.float64).requires_grad_()
    for order, task in ((4, problem(drift)), (3, problem(drift)), (2, problem(drift, lambda t: 0.7))):
        method = Exponential(5, order=order, corrector=True)
        assert torch.autograd.gradcheck(lambda y, method=method, task=task: method.solve(task, y, rng()).final, x)
        with torch.no_grad():
            still = method.solve(task, x, rng()).final
        assert torch.equal(method.solve(task, x, rng()).final, still)


def test_blocks_of_samples_share_what_their_steps_are_prepared_with(monkeypatch):
    transport, x = mixture(0.3)
    asked, linear = [], type(transport).linear
    monkeypatch.setattr(type(transport), "linear", lambda self, *given: asked.append(given) or linear(self, *given))
    method = Exponential(6, order=4, corrector=True)
    first, second = (si.integrate(transport, x, method).final for _ in range(2))
    assert torch.equal(first, second)
    assert len(asked) == 1
    si.integrate(transport.conditioned(None), x, method)
    assert len(asked) == 1, "other conditions have the same scalars"
    for other in (Exponential(7, order=4, corrector=True), Exponential(6, spread=0.3)):
        si.integrate(transport, x, other)
    assert len(asked) == 3
    assert torch.equal(si.integrate(mixture(0.3)[0], x, method).final, first)
    kept = len(transport.flow._made)
    for steps in range(8, 40):
        si.integrate(transport, x, Exponential(steps))
    assert kept < len(transport.flow._made) <= 8, "a few are kept"


def test_order_3_is_for_odes(problem):
    assert not Exponential(order=3).stochastic
    assert Exponential(order=2).stochastic
    with pytest.raises(UsageError, match="solves ODEs"):
        Exponential(order=3).solve(problem(drift, lambda t: 1.0), torch.zeros(2, 2), rng())


@pytest.mark.parametrize(
    "options",
    [
        {"order": 0},
        {"order": 4},
        {"order": 1, "corrector": True},
        {"order": True},
        {"spread": 0.0},
        {"spread": math.nan},
        {"corrector": 1},
    ],
)
def test_wrong_options_are_refused(options):
    with pytest.raises(UsageError, match=r"allowed"):
        Exponential(**options)
