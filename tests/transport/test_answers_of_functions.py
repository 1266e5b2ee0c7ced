"""What users' functions answer: like the states, or refused in words by every method, at the first call and later."""

from __future__ import annotations

import pytest
import torch
from torch import nn

import si_core as si
from si_core.discovery.available import available

for plugin in ("si_interpolants", "si_distributions", "si_integrators"):
    pytest.importorskip(plugin)

METHODS = [found.component.name for found in available("integrator")]
BUILT = {name: si.build("integrator", name) for name in METHODS}
PAIRS, COLUMN = (4, 2), (4, 1)

WRONG = {
    "column": (PAIRS, lambda v: v[:, :1], r"shape \(4, 1\)"),
    "first": (PAIRS, lambda v: v[:1], r"shape \(1, 2\)"),
    "no batch": (PAIRS, lambda v: v[0], r"shape \(2,\)"),
    "one of each": (PAIRS, lambda v: v[:, 0], r"shape \(4,\)"),
    "one number": (PAIRS, lambda v: v.sum(), r"shape \(\)"),
    "flat column": (COLUMN, lambda v: v[:, 0], r"shape \(4,\).*reshape"),
    "row for column": (COLUMN, lambda v: v.T, r"shape \(1, 4\).*reshape"),
    "float": (PAIRS, lambda v: 0.5, r"float 0\.5.*torch\.as_tensor"),
    "nothing": (PAIRS, lambda v: None, r"NoneType"),
    "numpy": (PAIRS, lambda v: v.detach().numpy(), r"ndarray of shape \(4, 2\).*torch\.as_tensor"),
    "list": (PAIRS, lambda v: v.tolist(), r"list"),
    "other dtype": (PAIRS, lambda v: v.double(), r"torch\.float64.*value\.to\(x\)"),
    "whole numbers": (PAIRS, lambda v: v.long(), r"torch\.int64"),
    "other device": (PAIRS, lambda v: v.to("meta"), r"meta.*value\.to\(x\)"),
}
"""The shape of the states, an answer made of the right one, and what the error says."""

NOT_BROADCAST = ("column", "first", "no batch", "one of each", "one number", "flat column", "row for column")


def right(t, x):
    return torch.cos(t).reshape(-1, 1) - x


class Module(nn.Module):
    """A function as a module; it answers wrongly from some call on."""

    def __init__(self, answer, calls=0):
        super().__init__()
        self.answer, self.calls = answer, calls

    def forward(self, t, x):
        self.calls -= 1
        return self.answer(right(t, x)) if self.calls < 0 else right(t, x)


def plain(answer, calls=0):
    module = Module(answer, calls)
    return lambda t, x: module(t, x)


def method(name):
    return si.build("integrator", name, **({"steps": 3} if BUILT[name].steps is not None else {}))


def solve(fields, shape, name, epsilon=0.0):
    x = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        return si.integrate(si.Transport(fields, epsilon), x, method(name), torch.Generator().manual_seed(1)).final


def refused(fields, shape, name, epsilon, field, words):
    with pytest.raises(si.UsageError, match=rf"(?s)the function for {field}.*{words}") as caught:
        solve(fields, shape, name, epsilon)
    assert str(shape) in str(caught.value.allowed)
    assert "torch.float32" in str(caught.value.allowed)


@pytest.mark.parametrize("name", METHODS)
def test_a_wrong_velocity_is_refused_by_every_method(name):
    for shape, answer, words in WRONG.values():
        refused(si.FunctionFields(velocity=plain(answer)), shape, name, 0.0, "velocity", words)


@pytest.mark.parametrize("name", [name for name in METHODS if BUILT[name].stochastic])
def test_a_wrong_score_of_a_module_is_refused_by_every_method(name):
    for shape, answer, words in WRONG.values():
        refused(si.FunctionFields(velocity=right, score=Module(answer)), shape, name, 0.5, "score", words)


@pytest.mark.parametrize("wrong", [name for name in WRONG if WRONG[name][0] == PAIRS])
@pytest.mark.parametrize(("name", "epsilon"), [("rk4", 0.0), ("stochastic-heun", 0.5)])
def test_a_wrong_denoiser_that_completes_a_drift_is_refused(mixtures, name, epsilon, wrong):
    shape, answer, words = WRONG[wrong]
    fields = si.FunctionFields(interpolant_velocity=right, denoiser=plain(answer), process=mixtures(dtype="float32"))
    refused(fields, shape, name, epsilon, "denoiser", words)


@pytest.mark.parametrize("kind", [plain, Module])
@pytest.mark.parametrize("wrong", WRONG)
def test_a_wrong_field_is_refused_where_it_is_asked(wrong, kind):
    shape, answer, words = WRONG[wrong]
    with pytest.raises(si.UsageError, match=rf"(?s)the function for velocity.*{words}"):
        si.FunctionFields(velocity=kind(answer)).velocity(torch.rand(4), torch.ones(shape))


@pytest.mark.parametrize("name", METHODS)
def test_a_later_answer_of_another_shape_is_not_broadcast(name):
    for shape, answer, words in map(WRONG.get, NOT_BROADCAST):
        refused(si.FunctionFields(velocity=plain(answer, calls=2)), shape, name, 0.0, "velocity", words)


@pytest.mark.parametrize("name", METHODS)
def test_an_answer_for_other_states_is_not_broadcast(name):
    """One that is right for one state, such as a constant row, and is then asked for several."""
    fields = si.FunctionFields(velocity=lambda t, x: torch.ones(1, 2))
    solve(fields, (1, 2), name)
    refused(fields, PAIRS, name, 0.0, "velocity", r"shape \(1, 2\)")


@pytest.mark.parametrize("name", METHODS)
def test_right_answers_are_those_of_the_function(name):
    """``dX = (cos t - X) dt`` from x: ``X_1 = x/e + (cos 1 + sin 1 - 1/e)/2``, for a function and for a module."""
    x, method = torch.randn(5, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(0)), BUILT[name]
    e = torch.tensor(1.0, dtype=torch.float64).exp()
    exact = x / e + ((torch.cos(torch.ones(())) + torch.sin(torch.ones(()))).double() - 1 / e) / 2
    for function in (right, Module(lambda v: v)):
        found = si.integrate(si.Transport(si.FunctionFields(velocity=function)), x, method).final
        # The first order of the worst method in its default number of steps.
        assert bool(((found - exact).abs() < 0.05).all())


@pytest.mark.parametrize("given", ["functions", "completed"])
@pytest.mark.parametrize(
    ("epsilon", "words"),
    [
        (lambda t: t - 0.5, r"below 0.*-0\.[0-9]+ at t = "),
        (lambda t: -1.0, r"below 0.*-1 at t = "),
        (lambda t: t[:, None], r"one number for each time"),
    ],
)
@pytest.mark.parametrize("name", [name for name in METHODS if BUILT[name].stochastic])
def test_a_negative_noise_level_is_refused(mixtures, name, epsilon, words, given):
    further = {"score": right} if given == "functions" else {"denoiser": right, "process": mixtures(dtype="float32")}
    with pytest.raises(si.UsageError, match=rf"(?s){words}"):
        solve(si.FunctionFields(velocity=right, **further), PAIRS, name, epsilon)


@pytest.mark.parametrize("epsilon", [lambda t: 0.5 * (1 - t), lambda t: torch.sin(torch.pi * t), lambda t: t / t])
def test_a_noise_level_may_vanish_or_have_a_limit_at_an_end(epsilon):
    solve(si.FunctionFields(velocity=right, score=right), PAIRS, "euler-maruyama", epsilon)
