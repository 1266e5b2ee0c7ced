"""What every method with equal steps keeps: ends, shapes, randomness, counts, gradients, and clear refusals."""

from __future__ import annotations

import math
import subprocess
import sys

import pytest
import torch

from si_core import Integrator, UsageError
from si_integrators.edm_heun import EDMHeun
from si_integrators.euler import Euler
from si_integrators.euler_maruyama import EulerMaruyama
from si_integrators.heun import Heun
from si_integrators.midpoint import Midpoint
from si_integrators.plugin import si_components
from si_integrators.rk4 import RK4
from si_integrators.stochastic_heun import StochasticHeun

ODE_ONLY = [Euler, Midpoint, Heun, RK4]
SDE = [EulerMaruyama, StochasticHeun, EDMHeun]
ALL = ODE_ONLY + SDE
SHAPES = [(3,), (3, 2), (3, 1, 8, 8), (0, 2)]
SPANS = [(0.0, 1.0), (0.9, 0.1), (0.1, 0.7)]


def drift(t, x):
    return (x * (1 + t)).sin() - x.tanh() * x


def noise(t):
    return 0.5 + t


def start(shape, dtype=torch.float64):
    return torch.randn(shape, generator=torch.Generator().manual_seed(1), dtype=dtype)


def solve(method, task, x, seed=7):
    return method(steps=5).solve(task, x, torch.Generator().manual_seed(seed))


def cases(problem, method, **span):
    """The ODE, and the SDE where the method solves it."""
    return [problem(drift, **span)] + ([problem(drift, noise, **span)] if method.stochastic else [])


@pytest.mark.parametrize("span", SPANS)
@pytest.mark.parametrize("method", ALL)
def test_times_stay_within_the_span_and_end_at_the_stop(problem, method, span):
    for task in cases(problem, method, start=span[0], stop=span[1]):
        trajectory = solve(method, task, start((2, 2)))
        assert trajectory.t.tolist() == list(span)
        assert min(task.times) >= min(span)
        assert max(task.times) <= max(span)
        assert task.times[0] == span[0]
        if method.nodes[-1] == 1:
            assert task.times[-1] == span[1]


@pytest.mark.parametrize("method", ALL)
def test_scalars_are_prepared_once_for_all_evaluations(problem, method):
    for task in cases(problem, method):
        trajectory = solve(method, task, start((2, 2)))
        assert len(task.prepared) == 1
        assert set(task.prepared[0]) == set(task.times)
        assert trajectory.evaluations == len(task.times) == 5 * len(method.nodes)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("method", ALL)
def test_any_event_shape(problem, method, shape, dtype):
    for task in cases(problem, method):
        x = start(shape, dtype)
        trajectory = solve(method, task, x)
        assert trajectory.x.shape == (2, *shape)
        assert trajectory.x.dtype == trajectory.t.dtype == dtype
        assert torch.equal(trajectory.x[0], x)
        assert bool(torch.isfinite(trajectory.final).all())


@pytest.mark.parametrize("grad", [False, True])
@pytest.mark.parametrize("method", ALL)
def test_the_initial_state_is_not_changed(problem, method, grad):
    for task in cases(problem, method):
        x = start((4, 3))
        before = x.clone()
        with torch.set_grad_enabled(grad):
            solve(method, task, x)
        assert torch.equal(x, before)


@pytest.mark.parametrize("method", ALL)
def test_recording_gradients_changes_no_result(problem, method):
    for task in cases(problem, method):
        with torch.no_grad():
            in_place = solve(method, task, start((4, 3))).final
        assert torch.equal(solve(method, task, start((4, 3))).final, in_place)


@pytest.mark.parametrize("method", ALL)
def test_rows_are_independent(problem, method):
    for task in cases(problem, method):
        x = start((4, 3))
        other = x.clone()
        other[0] += 1
        one, two = solve(method, task, x).final, solve(method, task, other).final
        assert torch.equal(one[1:], two[1:])
        assert not torch.equal(one[0], two[0])


@pytest.mark.parametrize("method", SDE)
def test_the_generator_alone_decides_the_noise(problem, method):
    task, x = problem(drift, noise), start((4, 3))
    state = torch.get_rng_state()
    one = solve(method, task, x).final
    torch.manual_seed(5)
    assert torch.equal(solve(method, task, x).final, one)
    assert not torch.equal(solve(method, task, x, seed=8).final, one)
    torch.set_rng_state(state)
    solve(method, task, x)
    assert torch.equal(torch.get_rng_state(), state)


@pytest.mark.parametrize("method", SDE)
def test_the_layout_in_memory_does_not_matter(problem, method):
    task, x = problem(drift, noise), start((32, 16))
    assert torch.equal(solve(method, task, x.T.contiguous().T).final, solve(method, task, x).final)
    expanded = x[:1].expand(32, 16)
    assert torch.equal(solve(method, task, expanded).final, solve(method, task, expanded.clone()).final)


@pytest.mark.parametrize("method", SDE)
def test_the_stop_is_reached_with_the_noise_of_a_backward_step(problem, method):
    """Without drift the state gets independent normal noise of the variance ``int g^2``, in both directions."""
    x = torch.zeros(20000, dtype=torch.float64)
    for span in ((0.0, 1.0), (1.0, 0.0)):
        task = problem(lambda t, y: torch.zeros_like(y), lambda t: 0.5, *span)
        final = solve(method, task, x).final
        # The variance of n normal draws has the relative standard error sqrt(2/n) = 0.01.
        assert float(final.var()) == pytest.approx(0.25, rel=0.05)


@pytest.mark.parametrize("method", ALL)
def test_gradients_with_respect_to_the_state(problem, method):
    """Against central differences; the drift saves its input and its output for the backward pass."""
    x = start((2, 3)).requires_grad_()
    for task in cases(problem, method):
        assert torch.autograd.gradcheck(lambda y, task=task: solve(method, task, y).final, x)


@pytest.mark.parametrize("method", ALL)
def test_gradients_with_respect_to_the_drift(problem, method):
    scale = torch.tensor([0.3, -0.8, 1.1], dtype=torch.float64, requires_grad=True)
    for noisy in (None, noise) if method.stochastic else (None,):

        def final(a, noisy=noisy):
            return solve(method, problem(lambda t, x: (a * x).tanh().exp() * (1 + t), noisy), start((2, 3))).final

        assert torch.autograd.gradcheck(final, scale)


@pytest.mark.parametrize("method", ALL)
def test_part_is_a_copy_with_its_share_of_the_steps(method):
    whole = method(steps=10)
    assert [whole.part(fraction).steps for fraction in (0.3, 0.01, 1.0)] == [3, 1, 10]
    assert whole.steps == 10
    assert type(whole.part(0.5)) is method
    for fraction in (0.0, -0.1, 1.1, math.nan):
        with pytest.raises(UsageError, match="share of the span"):
            whole.part(fraction)


@pytest.mark.parametrize("steps", [0, -1, 1.5, True, "10"])
@pytest.mark.parametrize("method", ALL)
def test_wrong_steps_are_refused(method, steps):
    with pytest.raises(UsageError, match="whole number >= 1"):
        method(steps=steps)


@pytest.mark.parametrize("method", ODE_ONLY)
def test_noise_is_refused_by_a_method_without(problem, method):
    with pytest.raises(UsageError, match="euler-maruyama"):
        solve(method, problem(drift, noise), start((2, 2)))


@pytest.mark.parametrize("method", SDE)
def test_noise_needs_a_generator(problem, method):
    with pytest.raises(UsageError, match="generator="):
        method().solve(problem(drift, noise), start((2, 2)))


def test_the_components_are_these_classes():
    offered = {component.name: component for component in si_components()}
    names = ["euler", "midpoint", "heun", "rk4", "euler-maruyama", "stochastic-heun", "edm-heun"]
    assert list(offered) == names
    for name, method in zip(names, ALL, strict=True):
        assert offered[name].target == f"{method.__module__}:{method.__name__}"
        assert issubclass(method, Integrator)
        assert method().steps == 100


def test_the_plugin_module_is_light():
    code = "import si_integrators.plugin, sys; sys.exit(bool({'torch', 'pydantic'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
