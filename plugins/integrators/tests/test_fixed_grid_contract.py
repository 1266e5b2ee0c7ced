"""What every method with planned steps keeps beside its interface: counts, gradients, layouts, and clear refusals."""

from __future__ import annotations

import math
import subprocess
import sys

import pytest
import torch

from si_core import Integrator, UsageError
from si_integrators.adams_bashforth import AdamsBashforth
from si_integrators.adaptive_stochastic_heun import AdaptiveStochasticHeun
from si_integrators.dopri5 import Dopri5
from si_integrators.edm_heun import EDMHeun
from si_integrators.euler import Euler
from si_integrators.euler_maruyama import EulerMaruyama
from si_integrators.exponential import Exponential
from si_integrators.heun import Heun
from si_integrators.midpoint import Midpoint
from si_integrators.plugin import si_components
from si_integrators.rk4 import RK4
from si_integrators.sra1 import SRA1
from si_integrators.stochastic_heun import StochasticHeun

ODE_ONE_STEP = [Euler, Midpoint, Heun, RK4]
SDE_ONE_STEP = [EulerMaruyama, StochasticHeun, SRA1, EDMHeun]
ONE_STEP = ODE_ONE_STEP + SDE_ONE_STEP
ODE_ONLY = [*ODE_ONE_STEP, AdamsBashforth]
SDE = [*SDE_ONE_STEP, Exponential]
ALL = ODE_ONLY + SDE
ADAPTIVE = [Dopri5, AdaptiveStochasticHeun]


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


@pytest.mark.parametrize("method", ALL)
def test_scalars_are_prepared_once_for_all_evaluations(problem, method):
    for task in cases(problem, method):
        trajectory = solve(method, task, start((2, 2)))
        assert len(task.prepared) == 1
        assert set(task.prepared[0]) == set(task.times)
        assert trajectory.evaluations == len(task.times)
        if method in ONE_STEP:
            assert trajectory.evaluations == 5 * len(method.nodes)


@pytest.mark.parametrize("method", ALL)
def test_a_batch_may_be_empty(problem, method):
    for task in cases(problem, method):
        assert solve(method, task, start((0, 2))).x.shape == (2, 0, 2)


@pytest.mark.parametrize(("method", "alone"), [(EulerMaruyama, Euler), (StochasticHeun, Heun), (EDMHeun, Heun)])
def test_without_noise_it_is_the_method_for_odes(problem, method, alone):
    x = start((4, 3))
    assert torch.equal(solve(method, problem(drift), x).final, solve(alone, problem(drift), x).final)


@pytest.mark.parametrize("method", ALL)
def test_recording_gradients_changes_no_result(problem, method):
    for task in cases(problem, method):
        with torch.no_grad():
            in_place = solve(method, task, start((4, 3))).final
        assert torch.equal(solve(method, task, start((4, 3))).final, in_place)


@pytest.mark.parametrize("method", SDE)
def test_the_layout_in_memory_does_not_matter(problem, method):
    task, x = problem(drift, noise), start((32, 16))
    assert torch.equal(solve(method, task, x.T.contiguous().T).final, solve(method, task, x).final)
    expanded = x[:1].expand(32, 16)
    assert torch.equal(solve(method, task, expanded).final, solve(method, task, expanded.clone()).final)


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
        with pytest.raises(UsageError, match="fraction of the span"):
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
    offered = {component.name: component for component in si_components() if component.kind == "integrator"}
    names = ["euler", "midpoint", "heun", "rk4", "euler-maruyama", "stochastic-heun", "sra1", "edm-heun"]
    names += ["adams-bashforth", "exponential", "dopri5", "adaptive-stochastic-heun"]
    assert list(offered) == names
    for name, method in zip(names, [*ONE_STEP, AdamsBashforth, Exponential, *ADAPTIVE], strict=True):
        assert offered[name].target == f"{method.__module__}:{method.__name__}"
        assert issubclass(method, Integrator)
        assert method in ADAPTIVE or method().steps == 100


def test_the_plugin_module_is_light():
    code = "import si_integrators.plugin, sys; sys.exit(bool({'torch', 'pydantic'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
