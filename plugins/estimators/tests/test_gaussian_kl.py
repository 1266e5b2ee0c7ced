"""The exact divergence of affine models: 0 for exact fields, a closed form for a shift, below the bound always."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch

import si_core as si

MATRIX = [[1.0, 0.3], [0.3, 0.5]]
OTHER = [[0.5, 0.1], [0.1, 1.5]]


def model(epsilon: float, bias=(0.0, 0.0), slope=(0.0, 0.0), latent: str = "brownian", backward: bool = False):
    gamma = si.build("latent", latent)
    process = si.StochasticInterpolant(
        si.build("interpolant", "linear"),
        gamma,
        si.build("coupling", "independent"),
        si.build("distribution", "gaussian", mean=[0.0, 0.0], covariance=MATRIX, dtype="float64"),
        si.build("distribution", "gaussian", mean=[1.0, -0.5], covariance=OTHER, dtype="float64"),
    )
    exact, ones = si.exact_fields(process), torch.ones(2, dtype=torch.float64) / math.sqrt(2)
    fields = si.FunctionFields(
        velocity=lambda t, x: exact.velocity(t, x) + bias[0] * ones + slope[0] * x,
        score=lambda t, x: exact.score(t, x) + bias[1] * ones + slope[1] * x,
        process=process,
    )
    start, stop = (1.0, 0.0) if backward else (0.0, 1.0)
    return si.Model(process, fields, si.build("integrator", "euler-maruyama", steps=5), epsilon, start, stop)


def measured(m: si.Model, name: str = "gaussian-kl", **options: float) -> float:
    return si.estimate(m, si.build("estimator", name, **options)).value


@pytest.mark.parametrize(
    ("latent", "epsilon", "backward"),
    [
        pytest.param(latent, epsilon, bool(j), marks=[pytest.mark.slow] * ((i + j) % 2))
        for i, (latent, epsilon) in enumerate(
            [("brownian", 0.0), ("brownian", 0.3), ("brownian", 2.0), ("quadratic", 0.0)]
        )
        for j in range(2)
    ],
)
def test_exact_fields_have_none(latent, backward, epsilon) -> None:
    # RK4 in 400 steps: (1/400)^4 times a constant of the rates, squared in the divergence. With noise that asks for the
    # clock of a Brownian latent: the score of a quadratic one grows like 1/t^2 at the ends.
    assert measured(model(epsilon, latent=latent, backward=backward)) < 1e-7


def test_moments_are_of_order_four() -> None:
    """The moments are those of RK4: of order 4 in its steps."""
    m = model(0.0, bias=(0.4, 0.0))
    fine, coarse = measured(m, steps=200), measured(m, steps=50)
    assert fine > 0.01
    # Order 4: a quarter of the steps costs a factor of 256.
    reference = measured(m, steps=800)
    assert abs(fine - reference) < abs(coarse - reference) / 100 + 1e-12


@pytest.mark.parametrize("epsilon", [*(pytest.param(e, marks=pytest.mark.slow) for e in (0.1, 2.0)), 0.5])
@pytest.mark.parametrize("backward", [pytest.param(False, marks=pytest.mark.slow), True])
def test_the_bound_holds_and_samples_agree(epsilon, backward) -> None:
    m = model(epsilon, bias=(0.3, -0.2), slope=(0.2, 0.1), backward=backward)
    truth = measured(m)
    assert truth <= measured(m, "kl-bound", direction="source" if backward else "target") * (1 + 1e-6)
    # The moments of samples by many small steps: a Gaussian's KL from its moments, within five standard errors.
    sampler = replace(m, integrator=si.build("integrator", "stochastic-heun", steps=100))
    x = sampler.sample(20_000, torch.Generator().manual_seed(0)).final
    exact = si.exact_fields(m.process).moments(m.stop)
    inverse = torch.linalg.inv(x.T.cov())
    shift = x.mean(0) - exact[0]
    sampled = 0.5 * float(
        torch.trace(inverse @ exact[1]) - 2 + shift @ inverse @ shift + torch.logdet(x.T.cov()) - torch.logdet(exact[1])
    )
    # To first order KL of the sample moments has the error sqrt(2 KL / n) beside d(d+3)/(4 n).
    assert abs(sampled - truth) < 5 * math.sqrt(2 * truth / 20_000) + 5e-4


def test_its_own_level_and_another() -> None:
    m = model(1.0, bias=(0.3, 0.0))
    assert measured(m, epsilon=1.0, steps=50) == measured(m, steps=50)
    assert measured(m, epsilon=0.0, steps=50) == measured(model(0.0, bias=(0.3, 0.0)), steps=50)


def test_other_laws_and_drifts_are_refused() -> None:
    process = si.StochasticInterpolant(
        si.build("interpolant", "linear"),
        si.build("latent", "brownian"),
        si.build("coupling", "independent"),
        si.build("distribution", "gaussian", dim=2),
        si.build("distribution", "eight-gaussians"),
    )
    euler = si.build("integrator", "euler", steps=2)
    with pytest.raises(si.UsageError, match="Gaussians"):
        measured(si.Model(process, si.exact_fields(process), euler))
    m = model(0.0)
    curved = si.FunctionFields(velocity=lambda t, x: x.square(), process=m.process)
    with pytest.raises(si.UsageError, match="not affine"):
        measured(si.Model(m.process, curved, euler))
