"""The network of exact fields: its errors are those it was given, training removes them, and it needs closed forms."""

from __future__ import annotations

import pytest
import torch

import si_core as si

pytest.importorskip("si_distributions")
pytest.importorskip("si_interpolants")
pytest.importorskip("si_objectives")
pytest.importorskip("si_integrators")

TEXT = """
source: {use: gaussian, mean: [0.0, 0.0], covariance: 2.0, dtype: float64}
target: {use: gaussian, mean: [1.0, -0.5], covariance: 0.5, dtype: float64}
latent: brownian
objectives: [velocity, score]
network: {use: exact, bias: [0.3, 0.1], slope: [0.2, -0.1]}
train: {steps: 0, precondition: false}
sample: {epsilon: 1.0}
"""


def recipe(tmp_path, *overrides: str):
    path = tmp_path / "r.yaml"
    path.write_text(TEXT, encoding="utf-8")
    return si.load_recipe(path, overrides)


def test_errors_are_those_it_was_given(tmp_path) -> None:
    model = si.train(recipe(tmp_path))
    exact, ones = si.exact_fields(model.process), torch.ones(2, dtype=torch.float64) / 2**0.5
    t, x = torch.tensor([0.2, 0.7], dtype=torch.float64), torch.tensor([[1.0, 2.0], [-1.0, 0.5]], dtype=torch.float64)
    # Times and errors go through the network's single precision on the way.
    torch.testing.assert_close(
        model.fields.velocity(t, x) - exact.velocity(t, x), 0.3 * ones + 0.2 * x, rtol=1e-5, atol=1e-5
    )
    torch.testing.assert_close(model.fields.score(t, x) - exact.score(t, x), 0.1 * ones - 0.1 * x, rtol=1e-5, atol=1e-5)


def test_training_takes_them_away(tmp_path) -> None:
    overrides = ("train.steps=300", "train.batch=512", "train.optimizer={use: adam, lr: 1e-2}", "objectives=[velocity]")
    model = si.train(recipe(tmp_path, *overrides, "network={use: exact, bias: 0.3, slope: 0.2}", "sample.epsilon=0"))
    network = model.fields.predictor.networks[0]
    # Adam moves by its rate a step, with noise of about that size at the end.
    assert abs(float(network.bias)) < 0.1
    assert abs(float(network.slope)) < 0.1


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("train.precondition=true", "stand for themselves"),
        ("network.bias=[0.1]", "one error for each objective"),
        ("target=eight-gaussians", "no closed form|closed form"),
    ],
)
def test_what_it_needs(tmp_path, override, message) -> None:
    override = "target=two-moons" if override.startswith("target") else override
    with pytest.raises(si.SIError, match=message):
        si.train(recipe(tmp_path, override))
