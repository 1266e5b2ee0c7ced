"""The measured noise level: of a model whose errors are known it is their ratio; it is kept as options."""

from __future__ import annotations

import json

import pytest
import torch

import si_core as si

pytest.importorskip("si_distributions")
pytest.importorskip("si_estimators")
pytest.importorskip("si_integrators")


def model(level: si.Diffusion) -> si.Model:
    """Exact fields with an error ``|db| = 1 + t`` of the velocity and ``|ds| = 2`` of the score."""
    process = si.StochasticInterpolant(
        si.build("interpolant", "linear"),
        si.build("latent", "quadratic"),
        si.build("coupling", "independent"),
        si.build("distribution", "gaussian", dim=2, covariance=2.0, dtype="float64"),
        si.build("distribution", "gaussian", mean=[1.0, 0.0], covariance=0.5, dtype="float64"),
    )
    exact, error = si.exact_fields(process), torch.tensor([0.6, 0.8], dtype=torch.float64)

    def off(field, size):
        return lambda t, x: field(t, x) + size(t).reshape(-1, 1) * error

    fields = si.FunctionFields(
        velocity=off(exact.velocity, lambda t: 1 + t), score=off(exact.score, lambda t: 2 + 0 * t), process=process
    )
    return si.Model(process, fields, si.build("integrator", "euler-maruyama", steps=5), level)


def test_it_is_the_ratio_of_the_errors() -> None:
    """``epsilon*(t) = (1+t)/2``, a line, which lines between the measured times meet exactly."""
    unmeasured = si.build("diffusion", "measured")
    options = json.loads(json.dumps(unmeasured.fitted(model(unmeasured), seed=0)))
    fitted = si.build("diffusion", "measured", **options)
    t = torch.linspace(0.05, 0.95, 19, dtype=torch.float64)
    torch.testing.assert_close(fitted.epsilon(t, t), (1 + t) / 2, rtol=1e-6, atol=0)
    assert fitted.fitted(model(fitted), seed=1) is None


def test_lines_between_constants_beyond_and_a_limit() -> None:
    level = si.build("diffusion", "measured", t=[0.2, 0.4], epsilon=[1.0, 3.0], limit=2.5)
    t = torch.tensor([0.0, 0.2, 0.3, 0.34, 0.4, 1.0])
    torch.testing.assert_close(level.epsilon(t, t), torch.tensor([1.0, 1.0, 2.0, 2.4, 2.5, 2.5]))
    unmeasured = si.build("diffusion", "measured")
    assert torch.equal(unmeasured.epsilon(t, t), t)


@pytest.mark.parametrize(
    "options",
    [
        {"t": [0.5]},
        {"t": [0.5, 0.4], "epsilon": [1.0, 1.0]},
        {"t": [0.5], "epsilon": [-1.0]},
        {"t": [1.5], "epsilon": [1.0]},
        {"limit": 0.0},
    ],
)
def test_impossible_levels_are_refused(options) -> None:
    with pytest.raises(si.UsageError):
        si.build("diffusion", "measured", **options)
