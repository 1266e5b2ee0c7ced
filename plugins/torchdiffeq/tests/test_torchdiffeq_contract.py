"""torchdiffeq: gradients, options, and failures that are errors, with assertions or without."""

from __future__ import annotations

import math
import subprocess
import sys
import textwrap
from typing import get_args

import pytest
import torch

from si_core import Integrator, NumericsError, UsageError
from si_torchdiffeq.integrator import AdaptiveMethod, FixedMethod, TorchDiffEq
from si_torchdiffeq.plugin import si_components

ADAPTIVE, FIXED = get_args(AdaptiveMethod), get_args(FixedMethod)


def drift(t, x):
    return (x * (1 + t)).sin() - x.tanh() * x


def start(shape):
    return torch.randn(shape, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


@pytest.mark.parametrize("method", ["dopri5", "dopri8", "rk4", "explicit_adams"])
def test_gradients(problem, method):
    x = start((2, 3)).requires_grad_()
    integrator = TorchDiffEq(method, rtol=1e-8, atol=1e-8, steps=5)
    # The steps of an adaptive method depend on the state, too: a change of the order of the tolerance.
    assert torch.autograd.gradcheck(lambda y: integrator.solve(problem(drift), y).final, x, rtol=1e-5, atol=1e-5)


def test_part_shares_equal_steps_and_leaves_adaptive_ones():
    whole = TorchDiffEq("rk4", steps=10)
    assert [whole.part(fraction).steps for fraction in (0.3, 0.01, 1.0)] == [3, 1, 10]
    assert whole.steps == 10
    part = TorchDiffEq("dopri8", rtol=1e-7).part(0.5)
    assert (part.method, part.rtol, part.adaptive) == ("dopri8", 1e-7, True)
    with pytest.raises(UsageError, match="fraction"):
        whole.part(0.0)


def test_traits_depend_on_the_method():
    for method in ADAPTIVE:
        assert TorchDiffEq(method).adaptive
    for method in FIXED:
        assert not TorchDiffEq(method).adaptive
    assert not TorchDiffEq.stochastic
    # Conformance shows that no fixed order is too high; of an adaptive method none is observed.
    orders = {"euler": 1, "midpoint": 2, "heun2": 2, "heun3": 3, "rk4": 4, "explicit_adams": 4, "implicit_adams": 4}
    orders |= {"dopri5": 5, "dopri8": 8, "bosh3": 3, "fehlberg2": 2, "adaptive_heun": 2}
    assert {method: TorchDiffEq(method).order for method in (*ADAPTIVE, *FIXED)} == orders


@pytest.mark.parametrize(
    "options",
    [
        {"method": "scipy_solver"},
        {"rtol": 0.0},
        {"rtol": math.nan},
        {"rtol": 1.0},
        {"atol": -1e-5},
        {"atol": math.inf},
        {"steps": 0},
        {"steps": 1.5},
        {"max_steps": True},
    ],
)
def test_wrong_options_are_refused(options):
    with pytest.raises(UsageError, match=r"torchdiffeq: [\s\S]*allowed"):
        TorchDiffEq(**options)


@pytest.mark.fault(34)
def test_noise_and_half_precision_are_refused(problem):
    with pytest.raises(UsageError, match="epsilon = 0"):
        TorchDiffEq().solve(problem(drift, lambda t: 1.0), start((2, 2)), torch.Generator())
    for dtype in (torch.float16, torch.bfloat16):
        with pytest.raises(UsageError, match=r"x\.float\(\)"):
            TorchDiffEq().solve(problem(drift), start((2, 2)).to(dtype))


def exploding(t, x):
    """``dx/dt = x^2``: from 2 it is infinite at time 1/2."""
    return x**2


@pytest.mark.fault(33)
@pytest.mark.parametrize("method", ADAPTIVE)
def test_an_exploding_solution_is_an_error_that_names_the_time(problem, method):
    x = torch.tensor([[0.1], [2.0]], dtype=torch.float64)
    with pytest.raises(NumericsError, match=r"at time 0\.(5|49)[\s\S]*largest state 1, of norm"):
        TorchDiffEq(method, rtol=1e-3, atol=1e-3).solve(problem(exploding), x)


@pytest.mark.parametrize("method", FIXED)
def test_equal_steps_that_leave_the_finite_numbers_are_an_error(problem, method):
    x = torch.tensor([[0.1], [1e200]], dtype=torch.float64)
    with pytest.raises(NumericsError, match=r"1 of 2 states[\s\S]*state 1"):
        TorchDiffEq(method).solve(problem(exploding), x)


def test_too_many_steps_are_an_error(problem):
    with pytest.raises(NumericsError, match=r"too many steps[\s\S]*max_steps above 3"):
        TorchDiffEq(rtol=1e-9, atol=1e-9, max_steps=3).solve(problem(drift), start((2, 2)))


@pytest.mark.parametrize("onset", [-1.0, 0.4])
def test_a_drift_that_is_not_finite_is_an_error_that_names_the_state(problem, onset):
    def broken(t, x):
        y = x.clone()
        if t > onset:
            y[1] = math.nan
        return y

    with pytest.raises(NumericsError, match=r"drift is not finite for 1 of 3 states, first for state 1"):
        TorchDiffEq().solve(problem(broken), start((3, 2)))


def test_an_assertion_of_the_drift_stays_its_own(problem):
    def asserting(t, x):
        raise AssertionError("mine")

    with pytest.raises(AssertionError, match="mine"):
        TorchDiffEq().solve(problem(asserting), start((3, 2)))


@pytest.mark.fault(33)
def test_failures_are_errors_without_assertions():
    """Under ``python -O`` torchdiffeq would repeat a step of length 0 for ever."""
    code = """
        import torch
        from si_core import NumericsError, Problem
        from si_torchdiffeq.integrator import TorchDiffEq

        class Square(Problem):
            def drift(self, time, x): return x**2

        class Lost(Problem):
            def drift(self, time, x): return x * float("nan")

        for problem in (Square(), Lost()):
            try:
                TorchDiffEq().solve(problem, torch.full((2, 1), 2.0))
            except NumericsError as error:
                print("refused:", error)
    """
    command = [sys.executable, "-O", "-c", textwrap.dedent(code)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("refused:") == 2


def test_the_component_is_this_class():
    (component,) = si_components()
    assert (component.kind, component.name) == ("integrator", "torchdiffeq")
    assert component.target == f"{TorchDiffEq.__module__}:{TorchDiffEq.__name__}"
    assert issubclass(TorchDiffEq, Integrator)


def test_the_plugin_module_is_light():
    code = "import si_torchdiffeq.plugin, sys; sys.exit(bool({'torch', 'pydantic'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
