"""Weights of paths: their mean is a density that is known, their scatter is what theory says."""

import math

import pytest
import torch

import si_core as si
from si_distributions.gaussian import Gaussian
from si_distributions.gaussian_mixture import GaussianMixture
from si_distributions.independent import Independent
from si_estimators.path_weights import Probing, effective_size, log_mean_exp, path_log_weights
from si_estimators.paths import chain_of
from si_interpolants.latents import Brownian, NoLatent, Quadratic
from si_interpolants.spatially_linear import Linear, Trigonometric

DIRECTIONS = ["target", "source"]
PROCESSES = [(Linear(), Brownian(1.0)), (Trigonometric(), Quadratic())]


@pytest.fixture(autouse=True)
def no_grad():
    with torch.no_grad():
        yield


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def exact_model(target=None, latent=None, epsilon=1.0):
    source = Gaussian(mean=[0.3, -0.2], covariance=[[1.0, 0.2], [0.2, 0.8]], dtype="float64")
    target = target or Gaussian(mean=[1.0, -1.0], covariance=[[0.5, 0.2], [0.2, 0.9]], dtype="float64")
    process = si.StochasticInterpolant(Linear(), latent or Brownian(1.0), Independent(), source, target)
    return si.Model(process, si.exact_fields(process), si.build("integrator", "euler", steps=1), epsilon=epsilon)


def mixture():
    return GaussianMixture(means=[[2.0, 0.0], [-1.0, 1.0]], covariances=[0.3, 0.5], dtype="float64")


def chain_law(model, steps, forward):
    """The law of the discretised SDE at its end, by propagating mean and covariance through affine steps."""
    base = model.process.source if forward else model.process.target
    mean, covariance = base.means[0], base.covariances[0]
    chain = chain_of(model, model.fields, mean[None], None, steps, "test")
    transport, identity = (chain.forward if forward else chain.backward), torch.eye(2, dtype=torch.float64)
    for r, t, deviation in chain.steps(not forward):
        offset = transport.drift(r, torch.zeros(1, 2, dtype=torch.float64))[0]
        matrix = (transport.drift(r, identity) - offset).T
        step = identity + (t - r) * matrix
        mean = step @ mean + (t - r) * offset
        covariance = step @ covariance @ step.T + deviation**2 * identity
    return Gaussian(mean=mean.tolist(), covariance=covariance.tolist(), dtype="float64")


def mean_with_error(log_weights):
    """``log mean w`` and its standard error by the delta method."""
    weights = (log_weights - log_weights.amax(1, keepdim=True)).exp()
    error = weights.std(1) / weights.mean(1) / math.sqrt(weights.shape[1])
    return log_mean_exp(log_weights), error


@pytest.mark.parametrize("direction", DIRECTIONS)
@pytest.mark.parametrize(("interpolant", "latent"), PROCESSES)
def test_transition_weights_have_the_density_of_the_chain_for_their_mean(laboratory, interpolant, latent, direction):
    """With five steps and wrong fields: nothing but the chain's own density is unbiased for."""
    models = laboratory.random(interpolant, latent, 1, 3)
    model = models.model(epsilon=lambda t: 0.5 + t)
    law = chain_law(model, 5, direction == "target")
    continuous = models.model_law(lambda t: (0.5 + t)[:, None], direction)
    assert float((law.means - continuous[0]).abs().max()) > 1e-2
    x = law.sample(4, generator(1))
    weights, _ = path_log_weights(model, x, generator(2), direction=direction, steps=5, paths=20000)
    found, error = mean_with_error(weights)
    z = (found - law.log_prob(x)) / error
    assert float(z.abs().max()) < 4.5
    assert float(error.max()) < 0.2


@pytest.mark.parametrize(
    ("form", "direction"),
    [
        pytest.param(form, direction, marks=[pytest.mark.slow] * ((i + j) % 2))
        for i, form in enumerate(("ito", "feynman-kac", "transition"))
        for j, direction in enumerate(DIRECTIONS)
    ],
)
def test_wrong_scores_leave_the_mean_of_the_weights_right(laboratory, form, direction):
    """In the limit of many steps all forms have the density of the SDE itself, for fields with errors."""
    models = laboratory.random(Linear(), Brownian(1.0), 1, 5)
    law = models.model_law(lambda t: torch.full((len(t), 1), 0.4, dtype=torch.float64), direction)
    law = Gaussian(mean=law[0][0].tolist(), covariance=law[1][0].tolist(), dtype="float64")
    x = law.sample(3, generator(1))
    model, gaps = models.model(epsilon=0.4), []
    for steps in (60, 120):
        weights, _ = path_log_weights(model, x, generator(2), form=form, direction=direction, steps=steps, paths=4000)
        found, error = mean_with_error(weights)
        gaps.append((found - law.log_prob(x), error))
    # The error of the step is of first order, so extrapolation takes all but h^2 of it away.
    extrapolated = 2 * gaps[1][0] - gaps[0][0]
    error = (4 * gaps[1][1] ** 2 + gaps[0][1] ** 2).sqrt()
    assert bool((extrapolated.abs() < 4.5 * error + 0.01).all())
    assert float(error.max()) < 0.25


@pytest.mark.parametrize("direction", DIRECTIONS)
@pytest.mark.parametrize("law", [pytest.param("gaussian", marks=pytest.mark.slow), "mixture"])
@pytest.mark.parametrize("latent", [Brownian(1.0), NoLatent()])
def test_exact_scores_leave_no_scatter_but_that_of_the_steps(direction, law, latent):
    model = exact_model(mixture() if law == "mixture" else None, latent)
    end = getattr(model.process, direction)
    x = end.sample(10, generator())

    def scatter(form, steps):
        weights, _ = path_log_weights(model, x, generator(1), form=form, direction=direction, steps=steps, paths=48)
        return float(weights.var(1).mean()), weights

    for form in ("transition", "ito"):
        coarse, _ = scatter(form, 20)
        fine, weights = scatter(form, 160)
        # Var log w is of first order in the step: 160 steps for 20 should leave an eighth of it.
        assert fine < coarse / 5
        # Of 48 weights with Var log w = v about 48/(1+v) count.
        assert float(effective_size(weights).mean()) > 0.8 * 48 / (1 + fine)
        assert abs(float((log_mean_exp(weights) - end.log_prob(x)).mean())) < 0.1
    coarse, _ = scatter("feynman-kac", 20)
    fine, _ = scatter("feynman-kac", 80)
    assert fine > 0.5 * coarse > 100


def test_probes_are_unbiased_and_their_variance_is_known():
    model = exact_model(mixture())
    x = model.process.target.sample(1, generator()).expand(500, 2)
    exact, none = path_log_weights(model, x, generator(1), form="ito", steps=10, paths=2)
    assert float(none.abs().max()) == 0
    mean = exact.mean()
    spread = []
    for count in (2, 8):
        probed, variance = path_log_weights(
            model, x, generator(1), form="ito", steps=10, paths=2, probing=Probing(count)
        )
        error = probed.std() / math.sqrt(probed.numel())
        assert abs(float(probed.mean() - mean)) < 5 * float((error**2 + exact.var() / exact.numel()).sqrt())
        # Independent of the noise of the path, which has the rest of the scatter.
        assert float(variance.mean() + exact.var()) == pytest.approx(float(probed.var()), rel=0.25)
        spread.append(float(variance.mean()))
    assert spread[0] / spread[1] == pytest.approx(4, rel=0.2)


def test_gradients_in_points_and_parameters():
    model = exact_model()
    x = model.process.target.sample(3, generator())
    shift = torch.zeros((), dtype=torch.float64, requires_grad=True)

    def weights(points, parameter):
        fields = si.FunctionFields(
            velocity=lambda t, y: model.fields.velocity(t, y) + parameter,
            score=lambda t, y: model.fields.score(t, y) * (1 + parameter),
            process=model.process,
        )
        moved = si.Model(model.process, fields, model.integrator, epsilon=0.5)
        return path_log_weights(moved, points, generator(1), form="ito", steps=8, paths=2)[0].sum()

    with torch.enable_grad():
        points = x.clone().requires_grad_()
        of_points, of_shift = torch.autograd.grad(weights(points, shift), (points, shift))
    h, bump = 1e-6, torch.zeros_like(x)
    bump[1, 0] = h
    numeric = (weights(x + bump, shift) - weights(x - bump, shift)) / (2 * h)
    assert float(of_points[1, 0]) == pytest.approx(float(numeric), rel=1e-6)
    numeric = (weights(x, shift + h) - weights(x, shift - h)) / (2 * h)
    assert float(of_shift) == pytest.approx(float(numeric), rel=1e-6)


@pytest.mark.parametrize("form", ["transition", "ito", "feynman-kac"])
def test_shapes_of_events_do_not_matter(form):
    def flat(event):
        source = Gaussian(shape=event, dtype="float64")
        target = Gaussian(shape=event, mean=0.7, covariance=0.4, dtype="float64")
        process = si.StochasticInterpolant(Linear(), Brownian(1.0), Independent(), source, target)
        model = si.Model(process, si.exact_fields(process), si.build("integrator", "euler", steps=1), epsilon=0.5)
        x = Gaussian(dim=6, dtype="float64").sample(4, generator()).reshape(4, *event)
        return path_log_weights(model, x, generator(1), form=form, steps=6, paths=3)[0]

    assert torch.allclose(flat([2, 3]), flat([6]), atol=1e-12)


def test_effective_size():
    even = torch.zeros(2, 8, dtype=torch.float64)
    assert torch.allclose(effective_size(even), torch.full((2,), 8.0, dtype=torch.float64))
    one = torch.full((1, 8), -1000.0, dtype=torch.float64)
    one[0, 3] = 1000.0
    assert float(effective_size(one)) == pytest.approx(1)
    assert float(log_mean_exp(one)) == pytest.approx(1000 - math.log(8))
