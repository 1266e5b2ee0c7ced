"""A likelihood is that of the law that sampling has, wherever its paths set out; where it is not, it is approximate."""

from collections.abc import Mapping
from dataclasses import replace

import pytest
import torch

import si_core as si
from si_distributions.gaussian import Gaussian
from si_distributions.gaussian_mixture import GaussianMixture
from si_distributions.independent import Independent
from si_estimators.cross_entropy import CrossEntropy
from si_estimators.log_likelihood import LogLikelihood
from si_estimators.sde_log_likelihood import SDELogLikelihood
from si_interpolants.latents import Brownian, NoLatent
from si_interpolants.spatially_linear import Linear

SOURCE = Gaussian(mean=[0.3, -0.2], covariance=[[1.0, 0.2], [0.2, 0.8]], dtype="float64")
TARGET = Gaussian(mean=[1.0, -2.0], covariance=[[0.5, 0.3], [0.3, 0.9]], dtype="float64")
MIXTURE = GaussianMixture(means=[[2.0, 1.0], [-1.5, 1.5]], covariances=[0.3, 0.4], dtype="float64")


class Own(si.Distribution):
    """Another's Gaussian: a density and draws, and fields that nobody knows in closed form."""

    shape = (2,)

    def sample(self, n, generator=None):
        return SOURCE.sample(n, generator)

    def log_prob(self, x):
        return SOURCE.log_prob(x)


class Labelled(Gaussian):
    conditions: Mapping[str, si.ConditionSpec] = {"species": si.ConditionSpec(classes=("a", "b"))}

    def draw(self, n, generator=None):
        return self.sample(n, generator), {"species": torch.randint(2, (n,), generator=generator)}


class OfCondition(Independent):
    conditions: Mapping[str, si.ConditionSpec] = {"dose": si.ConditionSpec()}


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def process_of(target=TARGET, latent=None, source=SOURCE, coupling=None):
    return si.StochasticInterpolant(Linear(), latent or NoLatent(), coupling or Independent(), source, target)


def model_of(process, fields=None, **options):
    return si.Model(process, fields or si.exact_fields(process), si.build("integrator", "euler", steps=1), **options)


def still(process):
    return si.FunctionFields(velocity=lambda t, x: 0 * x, score=lambda t, x: -x, process=process)


@pytest.mark.parametrize("target", [TARGET, MIXTURE], ids=["gaussian", "mixture"])
@pytest.mark.parametrize(
    ("direction", "span"), [("target", (0.3, 1.0)), ("source", (0.0, 0.6)), ("source", (0.7, 0.0))]
)
def test_paths_that_set_out_from_the_process_have_the_density_of_its_end(target, direction, span):
    """Exact fields carry rho(s) to rho: the density of samples is that of the end, to the error of RK4."""
    process = process_of(target)
    model, end = model_of(process, start=span[0], stop=span[1]), getattr(process, direction)
    x = end.sample(60, generator())
    found = LogLikelihood(direction=direction, tolerance=1e-8).estimate(model, x)
    assert found.bound == "exact"
    assert "approximate" not in found.details
    assert torch.allclose(found.per_sample, end.log_prob(x), atol=1e-5)


@pytest.mark.parametrize(("direction", "span"), [("target", (0.3, 1.0)), ("source", (0.0, 0.6))])
def test_so_has_an_sde(direction, span):
    """With exact scores the weights have a variance of the order of the step, and the bound is tight to that order."""
    process = process_of(latent=Brownian(1.0))
    model = model_of(process, start=span[0], stop=span[1], epsilon=0.5)
    end = getattr(process, direction)
    x = end.sample(200, generator())
    found = SDELogLikelihood(direction=direction, steps=200, paths=4).estimate(model, x, generator(1))
    truth = float(end.log_prob(x).mean())
    assert found.bound == "lower"
    assert found.value < truth + 0.05
    assert found.details["log_mean_exp"] == pytest.approx(truth, abs=0.05)
    minus = CrossEntropy("sde", direction=direction, steps=200, paths=4).estimate(model, x, generator(1))
    assert (minus.bound, minus.value) == ("upper", pytest.approx(-found.value))


@pytest.mark.parametrize(
    ("direction", "span", "denoise", "process", "why"),
    [
        ("target", (0.2, 1.0), False, process_of(source=Own()), "t = 0.2"),
        ("source", (0.0, 0.8), False, process_of(target=Own()), "t = 0.8"),
        ("target", (0.0, 0.8), True, process_of(), "denoising"),
        ("target", (0.0, 1.0), False, process_of(coupling=OfCondition()), "given the condition"),
        ("source", (0.0, 1.0), False, process_of(target=Labelled(dim=2, dtype="float64")), "given the condition"),
        ("target", (0.5, 1.0), False, process_of(target=Labelled(dim=2, dtype="float64")), "t = 0.5"),
    ],
)
def test_a_density_that_stands_in_for_another_is_approximate(direction, span, denoise, process, why):
    model = replace(model_of(process, still(process), start=span[0], stop=span[1], epsilon=1.0), denoise=denoise)
    x = TARGET.sample(8, generator())
    for name, options in (("log-likelihood", {}), ("sde-log-likelihood", {"paths": 2}), ("cross-entropy", {})):
        estimator = si.build("estimator", name, direction=direction, steps=5, **options)
        found = estimator.estimate(model, x, generator())
        assert found.bound == "approximate"
        assert why in found.details["approximate"]


def test_labels_of_the_target_leave_its_likelihood_exact():
    """Sampling draws from the source whatever it is asked for."""
    process = process_of(target=Labelled(dim=2, dtype="float64"))
    found = LogLikelihood(steps=5).estimate(model_of(process, still(process)), TARGET.sample(8, generator()))
    assert found.bound == "exact"
