"""torchsde: warnings, counts, gradients, options, and refusals."""

from __future__ import annotations

import subprocess
import sys
import warnings
from typing import get_args

import pytest
import torch

from si_core import Integrator, UsageError
from si_torchsde.integrator import Method, TorchSDE
from si_torchsde.plugin import si_components

METHODS = get_args(Method)
EVALUATIONS = {"srk": 2, "heun": 2, "euler": 1}


def drift(t, x):
    return (x * (1 + t)).sin() - x.tanh() * x


def noise(t):
    return 0.5 + t


def start(shape, dtype=torch.float64):
    return torch.randn(shape, generator=torch.Generator().manual_seed(1), dtype=dtype)


def solve(method, task, x, seed=7):
    return TorchSDE(method, steps=5).solve(task, x, torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("shape", [(3,), (3, 1, 8, 8)])
@pytest.mark.parametrize("method", METHODS)
def test_no_shape_gives_a_warning(problem, method, shape):
    for task in (problem(drift), problem(drift, noise)):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            solve(method, task, start(shape))


@pytest.mark.parametrize("steps", [1, 3, 7, 49])
@pytest.mark.parametrize("method", METHODS)
def test_there_are_exactly_as_many_steps_as_asked_for(problem, method, steps):
    task = problem(drift, noise, 0.1, 0.7)
    trajectory = TorchSDE(method, steps=steps).solve(task, start((2, 2)), torch.Generator())
    assert trajectory.evaluations == len(task.times) == steps * EVALUATIONS[method]
    assert len(task.prepared) == 1
    assert set(task.times) <= set(task.prepared[0])


@pytest.mark.parametrize("method", METHODS)
def test_gradients(problem, method):
    x = start((2, 3)).requires_grad_()
    for task in (problem(drift), problem(drift, noise)):
        assert torch.autograd.gradcheck(lambda y, task=task: solve(method, task, y).final, x)


def test_part_is_a_copy_with_its_share_of_the_steps():
    whole = TorchSDE("heun", steps=10)
    assert [whole.part(fraction).steps for fraction in (0.3, 0.01, 1.0)] == [3, 1, 10]
    assert (whole.steps, whole.part(0.5).method) == (10, "heun")
    with pytest.raises(UsageError, match="fraction of the span"):
        whole.part(0.0)


@pytest.mark.parametrize("options", [{"method": "midpoint"}, {"steps": 0}, {"steps": True}, {"steps": 1.5}])
def test_wrong_options_are_refused(options):
    with pytest.raises(UsageError, match=r"torchsde: [\s\S]*allowed"):
        TorchSDE(**options)


def test_missing_generator_and_half_precision_are_refused(problem):
    with pytest.raises(UsageError, match="generator="):
        TorchSDE().solve(problem(drift, noise), start((2, 2)))
    for dtype in (torch.float16, torch.bfloat16):
        with pytest.raises(UsageError, match=r"x\.float\(\)"):
            TorchSDE().solve(problem(drift), start((2, 2), dtype))


def test_the_component_is_this_class():
    (component,) = si_components()
    assert (component.kind, component.name) == ("integrator", "torchsde")
    assert component.target == f"{TorchSDE.__module__}:{TorchSDE.__name__}"
    assert issubclass(TorchSDE, Integrator)
    assert TorchSDE.stochastic
    assert not TorchSDE.adaptive


def test_the_plugin_module_is_light():
    code = "import si_torchsde.plugin, sys; sys.exit(bool({'torch', 'pydantic'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
