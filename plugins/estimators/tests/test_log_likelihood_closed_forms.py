"""The log-likelihood against densities that are known, and what it must not depend on."""

import math
from collections.abc import Mapping

import pytest
import torch
from torch import nn

import si_core as si
from si_distributions.gaussian import Gaussian
from si_distributions.gaussian_mixture import GaussianMixture
from si_distributions.independent import Independent
from si_estimators.log_likelihood import LogLikelihood, log_likelihood
from si_interpolants.latents import Brownian, NoLatent, SineSquared
from si_interpolants.spatially_linear import Linear, Trigonometric

SOURCE = Gaussian(mean=[0.3, -0.2], covariance=[[1.0, 0.2], [0.2, 0.8]], dtype="float64")
TARGET = Gaussian(mean=[1.0, -2.0], covariance=[[0.5, 0.3], [0.3, 0.9]], dtype="float64")
FORMS = [{"path": "coupled"}, {"path": "quadrature", "tolerance": 1e-10}]
PROCESSES = [(Linear(), NoLatent()), (Linear(), Brownian(1.0)), (Trigonometric(), Brownian(0.5))]


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def process_of(interpolant=None, latent=None, source=SOURCE, target=TARGET):
    return si.StochasticInterpolant(interpolant or Linear(), latent or NoLatent(), Independent(), source, target)


def model_of(process, fields=None, **options):
    return si.Model(process, fields or si.exact_fields(process), si.build("integrator", "euler", steps=1), **options)


class Field(nn.Module):
    """A smooth field with many local features, for processes whose density is not known."""

    def __init__(self, dimensions, labels=0):
        super().__init__()
        with torch.random.fork_rng():
            torch.manual_seed(1)
            self.layers = nn.Sequential(nn.Linear(dimensions + 1, 24), nn.Tanh(), nn.Linear(24, dimensions)).double()
            self.shift = nn.Embedding(labels, dimensions).double() if labels else None

    def forward(self, t, x, condition=None):
        label = None if condition is None else condition["species"]
        rows = torch.cat([x.flatten(1), t.expand(len(x))[:, None]], 1)
        value = 2 * self.layers(rows)
        return (value if label is None else value * self.shift(label)).reshape(x.shape)


class Labelled(Gaussian):
    conditions: Mapping[str, si.ConditionSpec] = {"species": si.ConditionSpec(classes=("a", "b", "c"))}

    def draw(self, n, generator=None):
        return self.sample(n, generator), {"species": torch.randint(3, (n,), generator=generator)}


def learned(process, labels=0, condition=None):
    parametrisation = si.Parametrisation(process.clock, precondition=False)
    predictor = si.Predictor([Field(math.prod(process.shape), labels)], 1)
    fields = si.LearnedFields(process, ["velocity"], predictor, parametrisation)
    return fields if condition is None else fields.conditioned(condition)


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form["path"])
@pytest.mark.parametrize("direction", ["target", "source"])
@pytest.mark.parametrize(("interpolant", "latent"), PROCESSES)
def test_gaussian_ends_to_the_order_of_the_integrator(interpolant, latent, direction, form):
    process = process_of(interpolant, latent)
    end = getattr(process, direction)
    x = end.sample(50, generator())
    errors = []
    for steps in (10, 20):
        found = LogLikelihood(direction=direction, steps=steps, **form).estimate(model_of(process), x)
        errors.append(float((found.per_sample - end.log_prob(x)).abs().max()))
    assert errors[0] < 1e-2
    assert errors[1] < max(errors[0] / 10, 1e-11)
    assert found.bound == "exact"
    assert found.value == pytest.approx(float(found.per_sample.mean()))


@pytest.mark.parametrize(
    ("latent", "direction", "form"),
    [
        pytest.param(latent, direction, form, marks=[pytest.mark.slow] * ((i + j + k) % 2))
        for i, latent in enumerate((NoLatent(), Brownian(1.0), SineSquared()))
        for j, direction in enumerate(("target", "source"))
        for k, form in enumerate(FORMS)
    ],
)
def test_the_density_of_mixtures_to_four_digits(latent, direction, form):
    source = GaussianMixture(means=[[-1.0, 0.5], [1.2, -0.3]], weights=[0.3, 0.7], covariances=0.6, dtype="float64")
    target = GaussianMixture(means=[[2.0, 1.0], [-1.5, 1.5], [0.0, -2.0]], covariances=[0.3, 0.4, 0.5], dtype="float64")
    process = process_of(Linear(), latent, source, target)
    end = getattr(process, direction)
    x = end.sample(40, generator())
    found = LogLikelihood(direction=direction, steps=80, **form).estimate(model_of(process), x)
    assert torch.allclose(found.per_sample, end.log_prob(x), atol=1e-4)


@pytest.mark.parametrize("direction", ["target", "source"])
@pytest.mark.parametrize(("interpolant", "latent"), PROCESSES)
def test_the_gradient_in_points_is_the_score(interpolant, latent, direction):
    process = process_of(interpolant, latent)
    x = getattr(process, direction).sample(9, generator()).requires_grad_()
    density = log_likelihood(model_of(process), x, direction=direction, steps=40)
    (gradient,) = torch.autograd.grad(density.sum(), x)
    exact = si.exact_fields(process).score(1.0 if direction == "target" else 0.0, x)
    assert torch.allclose(gradient, exact, atol=1e-4)


@pytest.mark.parametrize("path", ["coupled", "quadrature"])
@pytest.mark.parametrize("divergence", ["exact", "hutchinson"])
def test_gradients_in_parameters_by_finite_differences(divergence, path):
    process = process_of(latent=Brownian(1.0))
    fields = learned(process)
    model, x = model_of(process, fields), TARGET.sample(5, generator())
    weight = fields.predictor.networks[0].layers[0].weight

    def total():
        return log_likelihood(model, x, divergence=divergence, steps=5, path=path, generator=generator(1)).sum()

    (gradient,) = torch.autograd.grad(total(), weight)
    h = 1e-6
    for index in ((0, 0), (7, 2)):
        with torch.no_grad():
            weight[index] += h
            above = float(total())
            weight[index] -= 2 * h
            below = float(total())
            weight[index] += h
        assert float(gradient[index]) == pytest.approx((above - below) / (2 * h), rel=1e-5)
    assert float(gradient.abs().max()) > 0


def test_events_that_are_single_numbers(laboratory):
    models = laboratory.random(Linear(), Brownian(1.0), 1, 8, d=1)
    inner, model = models.model(), laboratory.scalars(models)
    x = model.process.target.sample(7, generator())
    for divergence in ("exact", "hutchinson"):
        estimator = LogLikelihood(divergence=divergence, steps=10)
        scalars, vectors = (
            estimator.estimate(*pair, generator(1)).per_sample for pair in ((model, x), (inner, x[:, None]))
        )
        assert torch.allclose(scalars, vectors, atol=1e-12)


def test_the_variance_of_probes_is_reported():
    model = model_of(process_of())
    x = TARGET.sample(1, generator()).expand(4000, 2)
    # With the quadrature's error too small to be seen in the standard error.
    options = {"divergence": "hutchinson", "probes": 3, "noise": "gaussian", "steps": 5, "tolerance": 1e-8}
    estimator = LogLikelihood(**options)
    found = estimator.estimate(model, x, generator(2))
    # All points are one: what they differ by is the noise of their probes.
    assert found.details["probe_variance"] == pytest.approx(float(found.per_sample.var()), rel=0.1)
    assert found.details["probe_error"] == pytest.approx(found.standard_error, rel=0.05)
    bits = LogLikelihood(**options, unit="bits/dim")
    scale = (2 * math.log(2)) ** -2
    assert bits.estimate(model, x, generator(2)).details["probe_variance"] == pytest.approx(
        found.details["probe_variance"] * scale
    )
    one = LogLikelihood(divergence="hutchinson", steps=5).estimate(model, x[:5], generator())
    assert "probe_variance" not in one.details


def test_affine_velocity_given_as_a_function_without_a_process():
    m, scale = 1.5, 0.4

    def velocity(t, x):
        variance = (1 - t) ** 2 + t**2 * scale**2
        return m + (t * scale**2 - (1 - t)) / variance * (x - t * m)

    target = Gaussian(dim=1, mean=m, covariance=scale**2, dtype="float64")
    process = process_of(source=Gaussian(dim=1, dtype="float64"), target=target)
    x = target.sample(20, generator())
    found = LogLikelihood(steps=60, tolerance=1e-8).estimate(model_of(process, si.FunctionFields(velocity=velocity)), x)
    assert torch.allclose(found.per_sample, target.log_prob(x), atol=1e-6)


def test_events_of_any_shape():
    source = Gaussian(shape=[1, 2, 2], dtype="float64")
    target = Gaussian(shape=[1, 2, 2], mean=0.5, covariance=0.3, dtype="float64")
    x = target.sample(9, generator())
    found = LogLikelihood(steps=40).estimate(model_of(process_of(source=source, target=target)), x)
    assert torch.allclose(found.per_sample, target.log_prob(x), atol=1e-5)
    assert found.details["dimensions"] == 4


@pytest.mark.parametrize("latent", [NoLatent(), Brownian(1.0)])
def test_density_of_a_network_integrates_to_one(latent):
    process = process_of(
        latent=latent, source=Gaussian(dim=1, dtype="float64"), target=Gaussian(dim=1, dtype="float64")
    )
    x = torch.linspace(-12, 12, 1201, dtype=torch.float64)[:, None]
    found = LogLikelihood(steps=20).estimate(model_of(process, learned(process)), x)
    density = found.per_sample.exp()
    assert float(torch.trapezoid(density, x[:, 0])) == pytest.approx(1, abs=1e-4)
    assert not torch.allclose(density, process.source.log_prob(x).exp(), atol=0.05)


@pytest.mark.parametrize("noise", ["rademacher", "gaussian"])
def test_hutchinson_is_unbiased_and_gains_by_probes(noise):
    model, n = model_of(process_of()), 3000
    x = TARGET.sample(1, generator()).expand(n, 2)
    exact = LogLikelihood(steps=8).estimate(model, x[:1]).value
    errors = []
    for probes in (1, 4):
        found = LogLikelihood(divergence="hutchinson", noise=noise, probes=probes, steps=8).estimate(
            model, x, generator(2)
        )
        assert found.bound == "unbiased"
        assert abs(found.value - exact) < 5 * found.standard_error
        errors.append(found.standard_error)
    assert errors[0] > 1e-4
    assert errors[0] / errors[1] == pytest.approx(2, rel=0.15)


def test_signs_are_exact_in_one_dimension():
    process = process_of(source=Gaussian(dim=1, dtype="float64"), target=Gaussian(dim=1, dtype="float64"))
    model, x = model_of(process, learned(process)), torch.linspace(-2, 2, 9, dtype=torch.float64)[:, None]
    exact = LogLikelihood(steps=5).estimate(model, x).per_sample
    hutchinson = LogLikelihood(divergence="hutchinson", steps=5).estimate(model, x, generator()).per_sample
    assert torch.allclose(exact, hutchinson, atol=1e-12)


@pytest.mark.parametrize("path", ["coupled", "quadrature"])
@pytest.mark.parametrize("divergence", ["exact", "hutchinson"])
def test_batches_do_not_matter(divergence, path):
    model, x = model_of(process_of()), TARGET.sample(10, generator())
    whole, parts = (
        LogLikelihood(divergence=divergence, steps=5, batch=batch, path=path)
        .estimate(model, x, generator(3))
        .per_sample
        for batch in (100, 3)
    )
    assert torch.allclose(whole, parts, rtol=0, atol=1e-12)


def test_labels_go_with_their_points():
    process = process_of(target=Labelled(mean=[1.0, -2.0], dtype="float64"))
    labels = torch.arange(7) % 3
    x = TARGET.sample(7, generator())
    together = model_of(process, learned(process, 3, {"species": labels}))
    found = LogLikelihood(steps=5, batch=2).estimate(together, x).per_sample
    for row in range(7):
        alone = model_of(process, learned(process, 3, {"species": labels[row : row + 1]}))
        assert float(found[row]) == pytest.approx(
            LogLikelihood(steps=5).estimate(alone, x[row : row + 1]).value, abs=1e-10
        )
    with pytest.raises(si.UsageError, match=r"'species' has another shape[\s\S]*\(7,\)[\s\S]*\(5,\)"):
        LogLikelihood(steps=5).estimate(together, x[:5])
    with pytest.raises(si.UsageError, match="'species' is missing"):
        LogLikelihood(steps=5).estimate(model_of(process, learned(process, 3)), x)


def test_fields_without_conditions_are_taken_as_they_are():
    fields = si.exact_fields(process_of())
    assert fields.of_rows(slice(0, 2)) is fields


def test_units():
    class Scaled(Gaussian):
        frame = si.Frame((3,), scale=math.exp(1.5 / 3))

    target = Scaled(dim=3, mean=0.5, dtype="float64")
    model = model_of(process_of(source=Gaussian(dim=3, dtype="float64"), target=target))
    x = target.sample(5, generator())
    nats = LogLikelihood(steps=30).estimate(model, x)
    bits = LogLikelihood(steps=30, unit="bits/dim").estimate(model, x)
    assert nats.value == pytest.approx(float(target.log_prob(x).mean()) - 1.5, abs=1e-5)
    assert bits.value * 3 * math.log(2) == pytest.approx(nats.value, rel=1e-12)
    assert (nats.unit, bits.unit) == ("nats", "bits/dim")
    other_end = LogLikelihood(steps=30, direction="source").estimate(model, x)
    assert other_end.value == pytest.approx(float(model.process.source.log_prob(x).mean()), abs=1e-5)


def test_density_over_the_span_of_the_model():
    process = process_of(latent=Brownian(1.0))
    fields = si.exact_fields(process)
    x = TARGET.sample(8, generator())
    found = LogLikelihood(steps=40).estimate(model_of(process, fields, start=0.0, stop=0.8), x)
    assert torch.allclose(found.per_sample, fields.log_density(0.8, x), atol=1e-5)
    # It is the density of the ODE's law at t = 0.8 that is told, and it is exact.
    assert found.bound == "exact"
    assert "approximate" not in found.details


@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode, torch.enable_grad])
@pytest.mark.parametrize("divergence", ["exact", "hutchinson"])
def test_any_grad_mode_and_no_trace(mode, divergence):
    process = process_of(latent=Brownian(1.0))
    fields = learned(process)
    estimator = LogLikelihood(divergence=divergence, steps=4)
    expected = estimator.estimate(model_of(process, fields), TARGET.sample(6, generator()), generator(1)).per_sample
    with mode():
        before = torch.is_grad_enabled(), torch.is_inference_mode_enabled()
        found = estimator.estimate(model_of(process, fields), TARGET.sample(6, generator()), generator(1)).per_sample
        assert (torch.is_grad_enabled(), torch.is_inference_mode_enabled()) == before
    assert torch.equal(found, expected)
    assert not found.requires_grad
    assert all(parameter.grad is None for parameter in fields.predictor.parameters())


@pytest.mark.parametrize(("path", "close"), [("coupled", 1e-12), ("quadrature", 1e-4)])
def test_an_integrator_in_inference_mode(path, close):
    class Guarded(si.Integrator):
        def solve(self, transport, x, generator=None):
            with torch.inference_mode():
                return si.build("integrator", "rk4", steps=6).solve(transport, x.clone(), generator)

    process = process_of(latent=Brownian(1.0))
    model, x = model_of(process, learned(process)), TARGET.sample(6, generator())
    estimator = LogLikelihood(steps=6, path=path)
    expected = estimator.estimate(model, x).per_sample
    estimator.integrator = Guarded()
    # Along a path it makes 6 steps between two stops.
    assert torch.allclose(estimator.estimate(model, x).per_sample, expected, rtol=0, atol=close)


def test_single_precision_and_constant_velocities():
    process = process_of(source=Gaussian(dim=2), target=Gaussian(dim=2, mean=[1.0, 2.0]))
    shift = torch.tensor([1.0, 2.0])
    x = process.target.sample(5, generator())
    fields = si.FunctionFields(velocity=lambda t, x: shift.expand_as(x).clone())
    found = LogLikelihood(steps=3).estimate(model_of(process, fields), x)
    assert found.per_sample.dtype == torch.float32
    assert torch.allclose(found.per_sample, process.target.log_prob(x), atol=1e-5)


class Undrawn(si.Distribution):
    shape = (2,)

    def sample(self, n, generator=None):
        return torch.zeros(n, 2, dtype=torch.float64)


def test_errors_say_what_to_do():
    x = TARGET.sample(3, generator())
    exact = model_of(process_of())
    without = model_of(process_of(source=Undrawn()), si.FunctionFields(velocity=lambda t, x: x))
    with pytest.raises(si.UsageError, match="source has no density"):
        LogLikelihood().estimate(without, x)
    with pytest.raises(si.UsageError, match="generator"):
        LogLikelihood(divergence="hutchinson").estimate(exact, x)
    with pytest.raises(si.DataError, match=r"\(3, 1\)"):
        LogLikelihood().estimate(exact, x[:, :1])
    with pytest.raises(si.DataError, match="int64"):
        LogLikelihood().estimate(exact, x.long())
    with pytest.raises(si.NumericsError, match="2 of 3 points, the first in row 1"):
        scale = torch.tensor([[1.0], [math.inf], [math.inf]], dtype=torch.float64)
        broken = si.FunctionFields(velocity=lambda t, y: y * scale)
        LogLikelihood(method="euler", steps=1).estimate(model_of(process_of(), broken), x)
    for options in (
        {"direction": "up"},
        {"probes": 0},
        {"steps": 0},
        {"batch": 2.5},
        {"unit": "bans"},
        {"method": "rk5"},
        {"path": "straight"},
        {"tolerance": 0.0},
    ):
        with pytest.raises(si.UsageError):
            LogLikelihood(**options)
