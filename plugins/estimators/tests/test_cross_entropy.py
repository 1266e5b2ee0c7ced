"""The cross-entropy: divergence plus entropy, exact for the ODE and an upper bound for the SDE."""

import math

import pytest
import torch

import si_core as si
from si_distributions.gaussian import Gaussian
from si_distributions.independent import Independent
from si_estimators.cross_entropy import CrossEntropy
from si_interpolants.latents import Brownian
from si_interpolants.spatially_linear import Linear


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def entropy(law):
    return 0.5 * float(torch.logdet(2 * math.pi * math.e * law.covariances[0]))


@pytest.mark.parametrize("direction", ["target", "source"])
@pytest.mark.parametrize("form", ["ode", "sde"])
def test_divergence_plus_entropy_for_wrong_fields(laboratory, form, direction):
    models = laboratory.random(Linear(), Brownian(1.0), 1, 6)
    level = 0.0 if form == "ode" else 0.5
    divergence = float(
        models.divergence(lambda t: torch.full((len(t), 1), level, dtype=torch.float64), direction, steps=400)
    )
    model = models.model()
    end = getattr(model.process, direction)
    truth = divergence + entropy(end)
    x = end.sample(800, generator())
    options = {} if form == "ode" else {"epsilon": 0.5, "paths": 8}
    found = CrossEntropy(form=form, direction=direction, steps=40, **options).estimate(model, x, generator(1))
    assert found.details["form"] == form
    if form == "ode":
        assert found.bound == "exact"
        assert abs(found.value - truth) < 4 * found.standard_error < 0.2 * truth
        return
    assert found.bound == "upper"
    assert found.value > truth - 4 * found.standard_error
    assert found.details["importance_weighted"] < found.value
    error = found.details["importance_weighted_error"]
    assert truth - 4 * error < found.details["importance_weighted"]
    assert "log_mean_exp" not in found.details


def test_the_bound_is_tight_for_exact_fields_and_never_below():
    target = Gaussian(mean=[1.0, -1.0], covariance=[[0.5, 0.2], [0.2, 0.9]], dtype="float64")
    process = si.StochasticInterpolant(Linear(), Brownian(1.0), Independent(), Gaussian(dim=2, dtype="float64"), target)
    model = si.Model(process, si.exact_fields(process), si.build("integrator", "euler", steps=1), epsilon=0.5)
    x = target.sample(500, generator())
    exact = CrossEntropy(steps=40, tolerance=1e-9).estimate(model, x)
    assert exact.value == pytest.approx(-float(target.log_prob(x).mean()), abs=1e-6)
    assert torch.allclose(exact.per_sample, -target.log_prob(x), atol=1e-5)
    bound = CrossEntropy(form="sde", steps=100, paths=4).estimate(model, x, generator(1))
    assert exact.value < bound.value < exact.value + 0.05
    bits = CrossEntropy(form="sde", steps=100, paths=4, unit="bits/dim").estimate(model, x, generator(1))
    assert bits.value * 2 * math.log(2) == pytest.approx(bound.value)
    probed = CrossEntropy(divergence="hutchinson", steps=20).estimate(model, x, generator(1))
    assert probed.bound == "unbiased"
    # The same points: what differs is the noise of the probes.
    assert abs(probed.value - exact.value) < 5 * float((probed.per_sample - exact.per_sample).std()) / math.sqrt(500)


def test_options_are_checked_whatever_the_form():
    for options in ({"form": "pde"}, {"paths": 0}, {"epsilon": 0.0}, {"probes": 0}, {"steps": 0}, {"unit": "bans"}):
        with pytest.raises(si.UsageError, match=next(iter(options))):
            CrossEntropy(**options)
