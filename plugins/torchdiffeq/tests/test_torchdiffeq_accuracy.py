"""torchdiffeq: tolerances on known solutions, in both directions, ending exactly at the stop."""

from __future__ import annotations

import math
from typing import get_args

import pytest
import torch
from torch import Tensor
from torchdiffeq import odeint
from torchdiffeq._impl import rk_common

from si_torchdiffeq.integrator import AdaptiveMethod, FixedMethod, TorchDiffEq

ADAPTIVE, FIXED = get_args(AdaptiveMethod), get_args(FixedMethod)
SPANS = pytest.mark.parametrize("span", [(0.0, 1.0), (1.0, 0.0)], ids=["forward", "backward"])


def quadratic_decay(t: float, x: Tensor) -> Tensor:
    """``dx/dt = -2 t x^2``: ``1/x = t^2 + 1/x(0)``."""
    return -2 * t * x**2


def decayed(t: float, dtype: torch.dtype = torch.float64) -> Tensor:
    return 1 / (t**2 + 1 / torch.tensor([0.5, 1.0, 2.0], dtype=dtype))


@SPANS
@pytest.mark.parametrize(
    ("method", "tolerance"),
    # A tight tolerance costs a method of low order thousands of steps.
    [(method, tolerance) for method in ADAPTIVE for tolerance in (1e-4, 1e-6)] + [("dopri5", 1e-8), ("dopri8", 1e-8)],
)
def test_the_error_follows_the_tolerance(problem, method, tolerance, span):
    start, stop = span
    task = problem(quadratic_decay, start=start, stop=stop)
    final = TorchDiffEq(method, rtol=tolerance, atol=tolerance).solve(task, decayed(start)).final
    # Only local errors are held to the tolerance; they add up over the steps, of which a low order takes more.
    factor = 1000 if method == "fehlberg2" else 100
    assert float((final - decayed(stop)).abs().max()) < factor * tolerance


@pytest.mark.parametrize("method", ["dopri8", "bosh3"])
def test_no_step_goes_past_the_end(problem, method):
    """torchdiffeq left alone steps past the end and interpolates back, which costs dopri8 its order."""
    task = problem(quadratic_decay)
    ours = TorchDiffEq(method, rtol=1e-7, atol=1e-7).solve(task, decayed(0.0)).final
    assert max(task.times) <= 1.0
    times = torch.tensor([0.0, 1.0], dtype=torch.float64)
    alone = odeint(quadratic_decay, decayed(0.0), times, rtol=1e-7, atol=1e-7, method=method)[-1]
    assert (ours - decayed(1.0)).abs().max() < 0.2 * (alone - decayed(1.0)).abs().max()


@pytest.mark.parametrize("span", [(0.0, 1.0), (1.0, 0.0), (0.1, 0.7), (0.7, 0.1)])
@pytest.mark.parametrize("method", ADAPTIVE)
def test_the_last_step_lands_on_the_end(problem, method, span, monkeypatch):
    """The state is that after a step, and none from within one, which is of a lower order."""
    interpolated = []
    inside = rk_common._interp_evaluate

    def watched(coefficients, start, stop, time):
        interpolated.append(float(time) != float(stop))
        return inside(coefficients, start, stop, time)

    monkeypatch.setattr(rk_common, "_interp_evaluate", watched)
    task = problem(quadratic_decay, start=span[0], stop=span[1])
    final = TorchDiffEq(method).solve(task, decayed(span[0])).final
    assert interpolated
    assert not any(interpolated)
    # The last stage is evaluated a rounding before the end.
    reached = max(task.times) if span[1] > span[0] else min(task.times)
    assert reached == pytest.approx(span[1], abs=1e-12)
    factor = 1000 if method == "fehlberg2" else 100
    assert float((final - decayed(span[1])).abs().max()) < factor * 1e-5


@SPANS
@pytest.mark.parametrize("method", ADAPTIVE)
def test_states_on_the_way_are_those_after_steps(problem, method, span):
    times = [span[0] + fraction * (span[1] - span[0]) for fraction in (1e-6, 0.3, 0.9)]
    task = problem(quadratic_decay, start=span[0], stop=span[1])
    found = TorchDiffEq(method, rtol=1e-6, atol=1e-6).solve_at(task, decayed(span[0]), times)
    assert torch.equal(found.t, torch.tensor([span[0], *times, span[1]], dtype=torch.float64))
    assert torch.equal(found.x[0], decayed(span[0]))
    assert found.evaluations == len(task.times)
    factor = 1000 if method == "fehlberg2" else 100
    for time, state in zip([*times, span[1]], found.x[1:], strict=True):
        assert float((state - decayed(time)).abs().max()) < factor * 1e-6


@pytest.mark.parametrize("method", FIXED)
def test_equal_steps_leave_times_on_the_way_to_parts(problem, method):
    assert TorchDiffEq(method).solve_at(problem(quadratic_decay), decayed(0.0), [0.3]) is None


def test_no_evaluation_leaves_the_span_where_the_drift_is_tiny(problem):
    """torchdiffeq's own trial step would be far longer than the span; here the drift has no value past the end."""

    def drift(t, x):
        return 1e-9 * math.sqrt(1 - t) * x

    for span in ((0.0, 1.0), (1.0, -0.5)):
        final = TorchDiffEq().solve(problem(drift, start=span[0], stop=span[1]), decayed(0.0)).final
        torch.testing.assert_close(final, decayed(0.0), rtol=1e-8, atol=0)


@pytest.mark.parametrize("span", [(0.1, 0.7), (0.7, 0.1)])
@pytest.mark.parametrize("method", [*ADAPTIVE, *FIXED])
def test_single_precision_ends_at_the_stop(problem, method, span):
    """0.7 is no number of single precision, so times that are rounded to it would miss the end."""
    task = problem(quadratic_decay, start=span[0], stop=span[1])
    trajectory = TorchDiffEq(method).solve(task, decayed(span[0], torch.float32))
    assert trajectory.x.dtype == trajectory.t.dtype == torch.float32
    assert torch.equal(trajectory.t, torch.tensor(span))
    assert min(task.times) >= min(span)
    assert max(task.times) <= max(span)


@SPANS
def test_it_agrees_with_our_own_runge_kutta_method(problem, span):
    rk4 = pytest.importorskip("si_integrators.rk4")

    def drift(t, x):
        return torch.stack((x[:, 1], (1 - x[:, 0] ** 2) * x[:, 1] - x[:, 0] * (1 + t)), 1)

    x = torch.randn(5, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    task = problem(drift, start=span[0], stop=span[1])
    ours = rk4.RK4(steps=400).solve(task, x).final
    theirs = TorchDiffEq("dopri5", rtol=1e-10, atol=1e-10).solve(task, x).final
    torch.testing.assert_close(theirs, ours, rtol=1e-7, atol=1e-7)
