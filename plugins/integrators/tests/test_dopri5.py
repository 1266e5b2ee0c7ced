"""dopri5: tolerances on known solutions, against other implementations, exact ends, true counts, clear failures."""

from __future__ import annotations

import math

import pytest
import torch
from scipy.integrate import solve_ivp

import si_core as si
from si_core import NumericsError, UsageError
from si_integrators.dopri5 import Dopri5

TOLERANCES = [10.0**-k for k in range(3, 9)]
SPANS = pytest.mark.parametrize("span", [(0.0, 1.0), (1.0, 0.0), (0.1, 0.7), (0.9, 0.2)])


def rng(seed=0):
    return torch.Generator().manual_seed(seed)


def states(*shape, dtype=torch.float64):
    return torch.randn(shape, generator=rng(1), dtype=dtype)


def quadratic_decay(t, x):
    """``dx/dt = -2 t x^2``: ``1/x = t^2 + 1/x(0)``."""
    return -2 * t * x**2


def decayed(t):
    return 1 / (t**2 + 1 / torch.tensor([[0.5], [1.0], [2.0]], dtype=torch.float64))


def turn(t, x):
    return 6 * (2 + math.cos(t)) * torch.stack((-x[:, 1], x[:, 0]), 1)


def turned(t):
    angle = torch.tensor([0.3, 1.7], dtype=torch.float64) + 6 * (2 * t + math.sin(t))
    return torch.stack((angle.cos(), angle.sin()), 1)


KNOWN = {"decay": (quadratic_decay, decayed), "turn": (turn, turned)}


@SPANS
@pytest.mark.parametrize("name", KNOWN)
@pytest.mark.parametrize("tolerance", TOLERANCES)
def test_the_error_follows_the_tolerance(problem, tolerance, name, span):
    """The turn goes round twice, over some twenty steps; their errors add up."""
    drift, solution = KNOWN[name]
    task = problem(drift, None, *span)
    for norm in ("batch", "rows"):
        trajectory = Dopri5(tolerance, tolerance, norm).solve(task, solution(span[0]))
        error = (trajectory.final - solution(span[1])).square().mean().sqrt()
        assert float(error) < (2 if name == "decay" else 40) * tolerance


@pytest.mark.parametrize("tolerance", TOLERANCES)
def test_it_takes_hardly_more_evaluations_than_others(problem, tolerance):
    """scipy's RK45 is the same pair, and holds a single state to the same norm."""
    x = states(40, 2)
    task = problem(lambda t, y: torch.stack((y[:, 1], (1 - y[:, 0] ** 2) * y[:, 1] - y[:, 0] * (1 + t)), 1), stop=3.0)

    def flat(t, y):
        return task._drift(t, torch.as_tensor(y).reshape(x.shape)).flatten().numpy()

    exact = solve_ivp(flat, (0, 3), x.flatten().numpy(), method="DOP853", rtol=1e-12, atol=1e-12).y[:, -1]
    theirs = solve_ivp(flat, (0, 3), x.flatten().numpy(), method="RK45", rtol=tolerance, atol=tolerance)
    ours = Dopri5(tolerance, tolerance).solve(task, x)
    assert ours.evaluations == len(task.times)
    assert ours.evaluations <= 1.1 * theirs.nfev + 6
    error = float((ours.final.flatten() - torch.as_tensor(exact)).square().mean().sqrt())
    assert error <= 3 * math.sqrt(((theirs.y[:, -1] - exact) ** 2).mean()) + tolerance


def mixture_transport(deviation, latent, backward=False):
    for plugin in ("si_distributions", "si_interpolants"):
        pytest.importorskip(plugin)
    law = {"weights": [0.5, 0.2, 0.3], "means": [[2.0, 1.0], [-1.5, 1.5], [0.0, -2.0]], "covariances": deviation**2}
    target = si.build("distribution", "gaussian-mixture", **law, dtype="float64")
    source = si.build("distribution", "gaussian", dim=2, dtype="float64")
    parts = si.build("interpolant", "linear"), si.build("latent", latent), si.build("coupling", "independent")
    process = si.StochasticInterpolant(*parts, source, target)
    span = (1.0, 0.0) if backward else (0.0, 1.0)
    start = target if backward else source
    return si.Transport(si.exact_fields(process), 0.0, *span), start.sample(200, rng())


@pytest.mark.parametrize(
    ("deviation", "latent", "backward"), [(0.3, "none", True), (0.05, "none", False), (0.3, "brownian", True)]
)
def test_against_torchdiffeq_on_the_flow_of_a_mixture(deviation, latent, backward):
    """No more evaluations than torchdiffeq's dopri5 at any tolerance, and smaller errors."""
    odeint = pytest.importorskip("torchdiffeq").odeint
    transport, x = mixture_transport(deviation, latent, backward)
    low, high = sorted((transport.start, transport.stop))
    with torch.no_grad():
        exact = Dopri5(1e-11, 1e-11).solve(transport, x).final
        for tolerance in (1e-3, 1e-5, 1e-7):
            calls = []

            def counted(t, y, calls=calls):
                calls.append(float(t))
                # torchdiffeq steps past the end, where there is no drift.
                return transport.drift(min(max(float(t), low), high), y)

            times = torch.tensor([transport.start, transport.stop], dtype=torch.float64)
            theirs = odeint(counted, x, times, rtol=tolerance, atol=tolerance, method="dopri5")[-1]
            ours = Dopri5(tolerance, tolerance).solve(transport, x)
            assert ours.evaluations <= len(calls) + 6
            off, off_theirs = (float((y - exact).square().mean().sqrt()) for y in (ours.final, theirs))
            assert off < max(10 * tolerance, 1.5 * off_theirs)


@pytest.mark.parametrize("tolerance", [1e-5, 1e-7])
def test_every_row_is_held_to_the_tolerance(tolerance):
    transport, x = mixture_transport(0.3, "none")
    with torch.no_grad():
        exact = Dopri5(1e-11, 1e-11).solve(transport, x).final
        largest = {}
        for norm in ("batch", "rows"):
            final = Dopri5(tolerance, tolerance, norm).solve(transport, x).final
            largest[norm] = float((final - exact).square().mean(1).sqrt().max())
    # Between the modes paths part, and with them errors grow; in the mean over the batch these rows hardly count.
    assert largest["rows"] < min(10 * tolerance, largest["batch"] / 2)


@SPANS
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_it_ends_at_the_stop_and_stays_within_the_span(problem, span, dtype):
    for tolerance in (1e-2, 1e-6):
        task = problem(turn, None, *span)
        trajectory = Dopri5(tolerance, tolerance).solve(task, turned(span[0]).to(dtype))
        assert trajectory.x.dtype == trajectory.t.dtype == dtype
        assert torch.equal(trajectory.t, torch.tensor(span, dtype=dtype))
        assert min(span) <= min(task.times) <= max(task.times) <= max(span)
        assert span[1] in task.times
        assert trajectory.evaluations == len(task.times)


def test_a_drift_that_is_tiny_or_nothing_takes_one_step(problem):
    for drift in (lambda t, x: torch.zeros_like(x), lambda t, x: 1e-9 * x):
        trajectory = Dopri5().solve(problem(drift), states(3, 2))
        assert trajectory.evaluations == 8, "the first drift, the trial step, one step"
    assert Dopri5().solve(problem(turn), states(0, 2)).x.shape == (2, 0, 2)


def test_a_given_first_step_is_taken(problem):
    task = problem(quadratic_decay)
    Dopri5(first_step=1e-3).solve(task, decayed(0.0))
    assert task.times[1] == pytest.approx(1e-3 / 5)
    assert task.prepared[1] == pytest.approx([2e-4, 3e-4, 8e-4, 8e-3 / 9, 1e-3, 1e-3])


def test_scalars_are_prepared_once_a_step_and_one_number_comes_back(problem, monkeypatch):
    task, read = problem(turn), []
    whole = torch.Tensor.__float__
    monkeypatch.setattr(torch.Tensor, "__float__", lambda x: read.append(1) or whole(x))
    trajectory = Dopri5().solve(task, turned(0.0))
    steps = (trajectory.evaluations - 2) // 6
    assert trajectory.evaluations == 2 + 6 * steps
    assert len(task.prepared) == 2 + steps
    assert len(read) == steps + 1


def test_single_precision_does_not_chase_its_own_rounding(problem):
    task = problem(turn)
    trajectory = Dopri5(1e-12, 1e-9).solve(task, 100 * turned(0.0).float())
    assert trajectory.evaluations < 1000
    assert float((trajectory.final - 100 * turned(1.0)).abs().max()) < 100 * 1e-4


def test_recording_gradients_changes_hardly_a_digit(problem):
    task, x = problem(turn), states(4, 2)
    with torch.no_grad():
        in_place = Dopri5().solve(task, x).final
    torch.testing.assert_close(Dopri5().solve(task, x).final, in_place, rtol=1e-12, atol=1e-12)
    assert torch.equal(x, states(4, 2)), "the state is not changed"


def test_gradients(problem):
    """Of the steps; that their lengths depend on the state as well changes the result within the tolerance only."""
    x = states(2, 3).requires_grad_()

    def drift(t, y):
        return (y * (1 + t)).sin() - y.tanh() * y.exp()

    method = Dopri5(1e-9, 1e-9)
    assert torch.autograd.gradcheck(lambda y: method.solve(problem(drift), y).final, x, rtol=1e-5, atol=1e-5)


@pytest.mark.fault(33)
def test_an_exploding_solution_is_an_error_that_names_the_time(problem):
    """``dx/dt = x^2`` from 2 is infinite at time 1/2."""
    x = torch.tensor([[0.1], [2.0]], dtype=torch.float64)
    with pytest.raises(NumericsError, match=r"at time 0\.(5|49)[\s\S]*step became 0[\s\S]*largest state 1, of norm"):
        Dopri5(1e-3, 1e-3).solve(problem(lambda t, y: y**2), x)


@pytest.mark.fault(33)
def test_too_many_steps_are_an_error(problem):
    with pytest.raises(NumericsError, match=r"too many steps[\s\S]*norm[\s\S]*max_steps above 3"):
        Dopri5(1e-9, 1e-9, max_steps=3).solve(problem(turn), turned(0.0))


@pytest.mark.fault(33)
@pytest.mark.parametrize("onset", [-1.0, 0.4])
def test_a_drift_that_is_not_finite_is_an_error_that_names_the_state(problem, broken, onset):
    with pytest.raises(NumericsError, match=r"drift is not finite for 1 of 3 states, first for state 1"):
        Dopri5().solve(problem(broken(onset)), states(3, 2))


def test_noise_is_refused(problem):
    with pytest.raises(UsageError, match="epsilon = 0"):
        Dopri5().solve(problem(turn, lambda t: 1.0), states(2, 2), rng())


@pytest.mark.parametrize(
    "options",
    [
        {"rtol": 0.0},
        {"rtol": math.nan},
        {"rtol": 1.0},
        {"atol": -1e-5},
        {"atol": math.inf},
        {"norm": "largest"},
        {"first_step": 0.0},
        {"max_steps": 0},
        {"max_steps": True},
    ],
)
def test_wrong_options_are_refused(options):
    with pytest.raises(UsageError, match=r"dopri5: [\s\S]*allowed"):
        Dopri5(**options)
