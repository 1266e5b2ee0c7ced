"""Optimizers and learning rates: what they are by definition, and that options without meaning are refused."""

from __future__ import annotations

import itertools
import math

import pytest
import torch
from torch import nn

import si_core as si


def stepped(optimizer: si.Optimizer, gradients: list[float], start: float = 1.0) -> float:
    """A weight after steps by these gradients."""
    weight = nn.Parameter(torch.tensor([start], dtype=torch.float64))
    built = optimizer.build([weight])
    assert [group["lr"] for group in built.param_groups] == [optimizer.lr]
    for gradient in gradients:
        weight.grad = torch.tensor([gradient], dtype=torch.float64)
        built.step()
    return float(weight.detach())


@pytest.mark.parametrize("name", ["adam", "adamw"])
def test_the_first_step_of_adam_has_the_size_of_the_learning_rate(name):
    optimizer = si.build("optimizer", name, lr=0.1, weight_decay=0.0, eps=1e-12)
    for gradient in (-3.0, 1e-3, 50.0):
        assert stepped(optimizer, [gradient]) == pytest.approx(1 - math.copysign(0.1, gradient), rel=1e-6)


def test_decoupled_decay_shrinks_weights_whatever_the_gradient():
    optimizer = si.build("optimizer", "adamw", lr=0.1, weight_decay=0.5)
    assert stepped(optimizer, [0.0]) == pytest.approx(1 - 0.1 * 0.5, rel=1e-12)


def test_gradient_descent_with_momentum_adds_up_a_geometric_series():
    optimizer = si.build("optimizer", "sgd", lr=0.1, momentum=0.5)
    # Velocities under a constant gradient 1: 1, 1.5, 1.75.
    assert stepped(optimizer, [1.0, 1.0, 1.0]) == pytest.approx(1 - 0.1 * (1 + 1.5 + 1.75), rel=1e-12)


def test_nesterov_without_momentum_is_refused():
    with pytest.raises(si.UsageError, match="momentum"):
        si.build("optimizer", "sgd", nesterov=True)


@pytest.mark.parametrize(
    ("kind", "name", "options"),
    [
        ("optimizer", "adam", {"lr": 0.0}),
        ("optimizer", "adam", {"betas": [0.9, 1.0]}),
        ("optimizer", "sgd", {"momentum": 1.0}),
        ("learning-rate", "cosine", {"final": 1.5}),
        ("learning-rate", "step", {"factor": 0.0}),
        ("learning-rate", "step", {"every": 0}),
        ("learning-rate", "inverse-square-root", {"reference": 0}),
        ("learning-rate", "constant", {"warmup": -1}),
    ],
)
def test_options_out_of_range_are_refused(kind, name, options):
    with pytest.raises(si.UsageError):
        si.build(kind, name, **options)


@pytest.mark.parametrize("name", ["constant", "cosine", "inverse-square-root", "step"])
def test_a_warm_up_grows_linearly_and_then_the_schedule_starts_at_its_own_rate(name):
    warm, cold = (si.build("learning-rate", name, warmup=warmup) for warmup in (10, 0))
    assert [warm.factor(step, 50) for step in range(10)] == pytest.approx([(step + 1) / 10 for step in range(10)])
    assert [warm.factor(10 + step, 50) for step in range(40)] == [cold.factor(step, 40) for step in range(40)]
    assert cold.factor(0, 40) == 1.0


def test_half_a_cosine_falls_to_its_final_share():
    cosine = si.build("learning-rate", "cosine", final=0.2)
    factors = [cosine.factor(step, 100) for step in range(101)]
    assert factors[50] == pytest.approx(0.6)
    assert factors[-1] == pytest.approx(0.2)
    assert all(later < earlier for earlier, later in itertools.pairwise(factors))
    # A cosine is antisymmetric about its middle.
    assert [a + b for a, b in zip(factors, reversed(factors), strict=True)] == pytest.approx([1.2] * 101)


def test_steps_fall_by_their_factor():
    step = si.build("learning-rate", "step", every=3, factor=0.5)
    assert [step.factor(n, 10) for n in range(7)] == [1, 1, 1, 0.5, 0.5, 0.5, 0.25]


def test_four_times_the_reference_halves_the_inverse_square_root_whatever_the_number_of_steps():
    rate = si.build("learning-rate", "inverse-square-root", reference=100)
    assert [rate.factor(step, 10) for step in (0, 50, 100, 400, 1600)] == [1, 1, 1, 0.5, 0.25]
    assert rate.factor(400, 10) == rate.factor(400, 10_000)
