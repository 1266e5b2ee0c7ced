"""Every estimator knows its error: over seeds, values scatter by what they say, about the truth where it is known."""

import math

import pytest
import torch

import si_core as si
from si_distributions.gaussian import Gaussian
from si_distributions.independent import Independent
from si_estimators.field_errors import FieldErrors
from si_estimators.kl_bound import kl_rate
from si_estimators.plugin import si_components
from si_estimators.quadrature import SpanNodes
from si_interpolants.latents import Brownian, NoLatent
from si_interpolants.spatially_linear import Linear

SEEDS = 50
# The scatter of a standard deviation over n values is 1/sqrt(2 n): four and a half times that, and the estimate's own.
LEAST, MOST = 1 - 4.5 / math.sqrt(2 * SEEDS), 1 + 4.5 / math.sqrt(2 * SEEDS) + 0.15
SOURCE = Gaussian(dim=2, dtype="float64")
TARGET = Gaussian(mean=[1.0, -1.0], covariance=[[0.5, 0.2], [0.2, 0.9]], dtype="float64")


def moved(shift):
    """A model whose samples are draws of N((shift, 0), I), with N(0, I) for its target."""
    source = Gaussian(mean=[shift, 0.0], dtype="float64")
    process = si.StochasticInterpolant(Linear(), NoLatent(), Independent(), source, SOURCE)
    fields = si.FunctionFields(velocity=lambda t, x: torch.zeros_like(x))
    return si.Model(process, fields, si.build("integrator", "euler", steps=1))


def exact():
    process = si.StochasticInterpolant(Linear(), Brownian(1.0), Independent(), SOURCE, TARGET)
    return si.Model(process, si.exact_fields(process), si.build("integrator", "euler", steps=1), epsilon=0.5)


def entropy():
    return 0.5 * float(torch.logdet(2 * math.pi * math.e * TARGET.covariances[0]))


def integrals(models, epsilon=0.5):
    """The bound by the drift, the best level and ``int E|ds|^2`` of a linear-Gaussian model, in closed form."""
    nodes = SpanNodes(models.process().clock, (0.0, 1.0), 32)
    products, weights = models.products(nodes.t), nodes.panels.sum(0)
    level = torch.full((len(nodes.u), 1), epsilon, dtype=torch.float64)
    bound = float((weights @ kl_rate("drift", FieldErrors(nodes, products, True, ""), level))[0])
    a, b = (float((weights @ products[name, name])[0]) for name in ("velocity", "score"))
    return bound, math.sqrt(a / b), b


SMALL = {"n": 60, "times": 6}
PLAIN = [
    ("log-likelihood", {"steps": 6}, 60, -entropy()),
    ("log-likelihood", {"steps": 6, "divergence": "hutchinson", "probes": 2, "noise": "gaussian"}, 60, -entropy()),
    ("cross-entropy", {"steps": 6}, 60, entropy()),
    ("cross-entropy", {"form": "sde", "steps": 6, "paths": 2}, 60, None),
    ("sde-log-likelihood", {"steps": 6, "paths": 2}, 60, None),
    ("feynman-kac", {"steps": 6, "paths": 2, "epsilon": 0.1}, 60, None),
]
OF_FIELDS = ["kl-bound", "optimal-epsilon", "fisher-divergence", "excess-loss"]
WITHOUT = {"gaussian-kl"}
"""Computed without points or draws: there is nothing to scatter."""
OF_SAMPLES = [
    *("wasserstein", "sliced-wasserstein", "energy-distance", "mmd", "marginal-kl"),
    *("frechet-distance", "kernel-distance", "precision-recall"),
]
TOLD = {"classifier-accuracy", "reconstruction-error"}
"""Looked at where models that are told something are: test_classifier_accuracy, test_reconstruction_error."""


def over_seeds(name, options, model, draw):
    estimator = si.build("estimator", name, **options)
    found = []
    for seed in range(SEEDS):
        generator = torch.Generator().manual_seed(seed)
        estimate = estimator.estimate(model, draw(generator), generator)
        found.append((estimate.value, estimate.standard_error))
    return torch.tensor(found, dtype=torch.float64).unbind(1)


def check(values, errors, truth=None, most=MOST):
    scatter = float(values.std())
    ratio = float(errors.square().mean().sqrt()) / scatter
    assert LEAST < ratio < most
    if truth is not None:
        assert abs(float(values.mean()) - truth) < 4.5 * scatter / math.sqrt(SEEDS) + 1e-3 * abs(truth)


def test_every_estimator_is_looked_at():
    named = {name for name, *_ in PLAIN} | {*OF_FIELDS, *OF_SAMPLES}
    assert named == {component.name for component in si_components()} - WITHOUT - TOLD


@pytest.mark.parametrize(("name", "options", "points", "truth"), PLAIN)
def test_of_densities(name, options, points, truth):
    check(*over_seeds(name, options, exact(), lambda generator: TARGET.sample(points, generator)), truth)


@pytest.mark.parametrize("name", OF_FIELDS)
def test_of_fields(laboratory, name):
    models = laboratory.random(Linear(), Brownian(1.0), 1, 4)
    bound, level, of_score = integrals(models)
    nothing = torch.zeros(1, 2, dtype=torch.float64)
    options = {"n": 60, "fields": ["denoiser"]} if name == "excess-loss" else SMALL
    # The denoiser's excess loss in the clock u: int 1/2 gamma^2 E|ds|^2 du.
    nodes = SpanNodes(models.process().clock, (0.0, 1.0), 32)
    rate = models.products(nodes.t)["score", "score"][:, 0] * nodes.t * (1 - nodes.t) / 2
    truth = {
        "kl-bound": bound,
        "optimal-epsilon": level,
        "fisher-divergence": of_score,
        "excess-loss": float(nodes.panels.sum(0) @ (rate / nodes.rate)),
    }[name]
    values, errors = over_seeds(name, options, models.model(epsilon=0.5), lambda generator: nothing)
    # Ratios of means are unbiased to leading order only, with 60 draws to about 1/60.
    slack = truth / 60 if name == "optimal-epsilon" else 0.0
    check(values, errors)
    assert abs(float(values.mean()) - truth) < 4.5 * float(values.std()) / math.sqrt(SEEDS) + slack + 1e-3 * truth


@pytest.mark.parametrize("shift", [0.0, 1.0])
@pytest.mark.parametrize("name", OF_SAMPLES)
def test_of_samples(name, shift):
    options = {"samples": 60} | ({"projections": 32} if name == "sliced-wasserstein" else {})
    values, errors = over_seeds(name, options, moved(shift), lambda generator: SOURCE.sample(60, generator))
    # For equal laws, where the scatter is of second order, errors are cautious.
    check(values, errors, most=1.9 if shift == 0 else MOST)
