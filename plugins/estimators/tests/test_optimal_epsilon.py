"""The level of least bound: closed forms where the errors are known, over time, and what it is not."""

import json
import math
from itertools import pairwise

import pytest
import torch

import si_core as si
from si_distributions.gaussian import Gaussian
from si_distributions.independent import Independent
from si_estimators.field_errors import FieldErrors
from si_estimators.kl_bound import KLBound
from si_estimators.optimal_epsilon import OptimalEpsilon, levels_over_time
from si_estimators.quadrature import SpanIntegral, SpanNodes
from si_interpolants.latents import Brownian, NoLatent, Quadratic
from si_interpolants.spatially_linear import Linear, Trigonometric

NOTHING = torch.zeros(1, 2, dtype=torch.float64)
PROCESSES = [(Linear(), Brownian(1.0)), (Trigonometric(), Quadratic())]


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def shifted(laboratory, velocity, score):
    """Two standard normal laws on a path of standard normals: b = 0, s = -x; and fields off by constants."""
    zeros, identity = torch.zeros(1, 2, dtype=torch.float64), torch.eye(2, dtype=torch.float64)[None]
    constants = (torch.tensor([[value], [[0.0, 0.0]]], dtype=torch.float64) for value in (velocity, score))
    errors = [laboratory.Perturbation(offsets, torch.zeros(2, 1, 2, 2, dtype=torch.float64)) for offsets in constants]
    return laboratory.LinearGaussians(Trigonometric(), NoLatent(), zeros, zeros, identity, identity, *errors)


def constant(level):
    return lambda t: torch.full((len(t), 1), level, dtype=torch.float64)


@pytest.mark.parametrize("direction", ["target", "source"])
@pytest.mark.parametrize(("interpolant", "latent"), PROCESSES)
def test_closed_forms_of_perturbed_exact_fields(laboratory, interpolant, latent, direction):
    models = laboratory.random(interpolant, latent, 1, 4)
    found = OptimalEpsilon(direction=direction, n=3000, times=24).estimate(models.model(), NOTHING, generator(1))
    nodes = SpanNodes(models.process().clock, (0.0, 1.0), 24)
    products, weights = models.products(nodes.t), nodes.panels.sum(0)
    a, b, c = (products[pair][:, 0] for pair in (("velocity", "velocity"), ("score", "score"), ("score", "velocity")))
    sign = 1.0 if direction == "target" else -1.0
    truth = math.sqrt(float(weights @ a) / float(weights @ b))
    assert abs(found.value - truth) < 4.5 * found.standard_error < truth
    assert found.details["t"] == pytest.approx(nodes.t.tolist())
    assert found.details["epsilon"] == pytest.approx((a / b).sqrt().tolist(), rel=0.2)
    constant_bound = (math.sqrt(float(weights @ a) * float(weights @ b)) + sign * float(weights @ c)) / 2
    varying = float(weights @ ((a * b).sqrt() + sign * c)) / 2
    scale = math.sqrt(float(weights @ a) * float(weights @ b))
    assert found.details["least_bound"] == pytest.approx(constant_bound, abs=0.15 * scale)
    assert found.details["least_bound_over_time"] == pytest.approx(varying, abs=0.15 * scale)
    assert found.details["least_bound_over_time"] <= found.details["least_bound"] + 1e-12


def test_it_is_the_minimum_of_the_bound_on_the_same_draws(laboratory):
    model = laboratory.random(Linear(), Brownian(1.0), 1, 4).model()
    best = OptimalEpsilon(n=300).estimate(model, NOTHING, generator(1))

    def bound(level):
        return KLBound(epsilon=level, n=300).estimate(model, NOTHING, generator(1)).value

    assert bound(best.value) == pytest.approx(best.details["least_bound"], rel=1e-9)
    assert bound(best.value) < min(bound(0.9 * best.value), bound(1.1 * best.value))


def test_the_divergence_at_the_best_level_for_errors_at_right_angles(laboratory):
    """b off by (p, 0) and s by (0, q): KL = (1 - exp(-e))^2 (p^2/e^2 + q^2)/2, and epsilon* = p/q."""
    p, q = 0.3, 0.3
    models = shifted(laboratory, [p, 0.0], [0.0, q])
    best = OptimalEpsilon(n=20).estimate(models.model(), NOTHING, generator()).value
    assert best == pytest.approx(p / q, rel=1e-9)
    divergences = []
    for level in (best, best / 4, 4 * best):
        found = float(models.divergence(constant(level), steps=800))
        closed = (1 - math.exp(-level)) ** 2 * (p**2 / level**2 + q**2) / 2
        assert found == pytest.approx(closed, rel=1e-6)
        divergences.append(found)
    assert divergences[0] < min(divergences[1:])


def test_the_divergence_itself_may_be_least_elsewhere(laboratory):
    """As the docstring says: with both errors along one axis KL = (1 - exp(-e))^2 (p/e + q)^2/2, less at epsilon*/4."""
    models = shifted(laboratory, [0.3, 0.0], [0.3, 0.0])
    best = OptimalEpsilon(n=20).estimate(models.model(), NOTHING, generator()).value
    assert best == pytest.approx(1.0)
    assert float(models.divergence(constant(best / 4))) < float(models.divergence(constant(best)))


def test_one_network_of_a_one_sided_process_has_the_level_of_the_schedule():
    """With db = D ds the best level is D(t), whatever the network: (1-t)/t for the linear path (likelihood-optimal)."""
    source = Gaussian(dim=2, dtype="float64")
    target = Gaussian(mean=[1.0, -1.0], covariance=[[0.5, 0.3], [0.3, 0.9]], dtype="float64")
    process = si.StochasticInterpolant(Linear(), NoLatent(), Independent(), source, target)
    fields = si.FunctionFields(target_denoiser=lambda t, x: torch.tanh(x) + t, process=process)
    model = si.Model(process, fields, si.build("integrator", "euler", steps=1))
    found = OptimalEpsilon(span=(0.1, 0.9), n=20).estimate(model, NOTHING, generator())
    assert found.details["epsilon"] == pytest.approx([(1 - t) / t for t in found.details["t"]], rel=1e-6)


def test_lists_that_a_diffusion_can_be_made_of(laboratory):
    """Plain numbers, rising times, positive levels."""
    model = laboratory.random(Linear(), Brownian(1.0), 1, 4).model()
    found = OptimalEpsilon(n=10).estimate(model, NOTHING, generator())
    again = json.loads(json.dumps(found.details, allow_nan=False))
    assert again == found.details
    t, epsilon = again["t"], again["epsilon"]
    assert len(t) == len(epsilon) == 48
    assert all(0 < a < b < 1 for a, b in pairwise(t))
    assert all(0 < level < math.inf for level in epsilon)


def test_times_without_an_error_are_left_out():
    nodes = SpanNodes(Linear().clock or si.UniformClock(), (0.0, 1.0), 8)
    rate = torch.ones(len(nodes.u), 3, dtype=torch.float64)
    early, inner = (nodes.t < 0.5)[:, None], (nodes.t > 0.1)[:, None]
    products = {("velocity", "velocity"): 9 * rate * early, ("score", "score"): rate * inner}
    errors = FieldErrors(nodes, products, True, "")
    t, epsilon = levels_over_time(errors, SpanIntegral(nodes, rate))
    assert t == [time for time in nodes.t.tolist() if 0.1 < time < 0.5]
    assert epsilon == [3.0] * len(t)


def test_residuals_say_what_they_are(laboratory):
    model = laboratory.random(Linear(), Quadratic(), 1, 4).model()
    x = model.process.target.sample(300, generator())
    found = OptimalEpsilon(reference="none", span=(0.2, 0.8)).estimate(model, x, generator(1))
    assert found.details["draws"] == "300 held-out points"
    assert "upper bounds" in found.details["reference"]
    loose = KLBound(reference="none", span=(0.2, 0.8), epsilon=found.value).estimate(model, x, generator(1))
    assert loose.value == pytest.approx(found.details["least_bound"], rel=1e-9)


def test_errors_say_what_to_do(laboratory):
    model = laboratory.random(Linear(), Quadratic(), 1, 4).model()
    exact = si.Model(model.process, si.exact_fields(model.process), model.integrator)
    with pytest.raises(si.NumericsError, match="score has no error"):
        OptimalEpsilon(n=10).estimate(exact, NOTHING, generator())
    with pytest.raises(si.UsageError, match="generator"):
        OptimalEpsilon().estimate(model, NOTHING)
    for options in ({"direction": "up"}, {"reference": "known"}, {"span": (0.5, 0.2)}, {"n": 1}, {"batch": 0}):
        with pytest.raises(si.UsageError, match=next(iter(options))):
            OptimalEpsilon(**options)
