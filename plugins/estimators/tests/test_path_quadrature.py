"""The log-likelihood by quadrature along the path: against the coupled form, and what it says of its own error."""

import math
from collections.abc import Mapping

import pytest
import torch
from torch import nn

import si_core as si
from si_distributions.gaussian import Gaussian
from si_distributions.gaussian_mixture import GaussianMixture
from si_distributions.independent import Independent
from si_estimators.clenshaw_curtis import between, nodes, weights
from si_estimators.known_path import KnownPath
from si_estimators.log_likelihood import LogLikelihood
from si_interpolants.latents import Brownian, NoLatent, SineSquared
from si_interpolants.spatially_linear import Linear, Trigonometric

PROCESSES = [
    (Linear(), NoLatent()),
    (Linear(), Brownian(1.0)),
    (Trigonometric(), NoLatent()),
    (Linear(), SineSquared()),
]
MEANS = [[1.5, 0.0], [-1.0, 1.2], [-0.8, -1.3], [0.3, 0.2]]


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def mixture(width, interpolant=None, latent=None):
    target = GaussianMixture(means=MEANS, covariances=width**2, dtype="float64")
    source = Gaussian(dim=2, dtype="float64")
    return si.StochasticInterpolant(interpolant or Linear(), latent or NoLatent(), Independent(), source, target)


def model_of(process, fields=None):
    return si.Model(process, fields or si.exact_fields(process), si.build("integrator", "euler", steps=1))


def rms(x):
    return float(x.square().mean().sqrt())


@pytest.mark.parametrize("n", [2, 4, 8, 64])
def test_the_rule(n):
    c = torch.tensor(nodes(n), dtype=torch.float64)
    assert (c[0], c[n // 2], c[n]) == (0, 0.5, 1)
    assert bool((c.diff() > 0).all())
    assert float(weights(n).sum()) == pytest.approx(1, abs=1e-14)
    for degree in range(n + 2):
        # Symmetry gives the odd degree n + 1 too.
        assert float(weights(n) @ (2 * c - 1) ** degree) == pytest.approx((1 - degree % 2) / (degree + 1), abs=1e-13)
    assert abs(float(weights(n) @ (2 * c - 1) ** (n + 2)) - 1 / (n + 3)) > 1e-12 or n == 64
    doubled = torch.tensor(nodes(2 * n), dtype=torch.float64)
    assert torch.equal(doubled[::2], c)
    power = min(n, 16)
    assert torch.allclose(between(n) @ (1.5 - c) ** power, (1.5 - doubled[1::2]) ** power, rtol=1e-10)


@pytest.mark.parametrize(
    ("interpolant", "latent", "width"),
    [
        pytest.param(
            *process, width, marks=[pytest.mark.slow] * (width == 0.05 and not isinstance(process[1], NoLatent))
        )
        for process in PROCESSES
        for width in (0.3, 0.05)
    ],
)
def test_it_is_the_coupled_form_within_its_error(interpolant, latent, width):
    """With so many steps the path is exact beside the tolerance. The estimate is meant for each point: few fail it."""
    process = mixture(width, interpolant, latent)
    model, x = model_of(process), process.target.sample(150, generator())
    truth = process.target.log_prob(x)
    # A looser tolerance ends the same doubling of nodes sooner: one process shows both.
    for tolerance in (1e-2, 1e-3) if isinstance(interpolant, Trigonometric) else (1e-3,):
        # The path between steps is smooth to its own error only, which must be below the tolerance.
        found = LogLikelihood(steps=200 if width == 0.3 else 500, tolerance=tolerance).estimate(model, x)
        error = (found.per_sample - truth).abs()
        assert rms(error) < min(tolerance, 1.5 * found.details["quadrature_error"])
        assert float((error > tolerance).double().mean()) < 0.05
        assert found.details["quadrature_error"] <= found.details["worst_quadrature_error"]
        assert found.details["worst_quadrature_error"] <= tolerance or found.details["most_divergences"] == 257


def test_sharp_modes_need_more_divergences():
    counts = []
    for width in (1.0, 0.3, 0.05):
        process = mixture(width)
        x = process.target.sample(100, generator())
        details = LogLikelihood(steps=100).estimate(model_of(process), x).details
        assert details["divergences"] <= details["most_divergences"]
        counts.append(details["divergences"])
    assert 9 <= counts[0] < counts[1] - 5
    assert counts[1] < counts[2] - 10
    # Still far fewer than an integrator that carries the divergence along: four a step.
    assert counts[2] < 400 / 5


def test_an_integral_that_does_not_converge_says_so():
    """A velocity that turns round at an instant: the error falls like 1/n, the cap comes first, the bars are honest."""

    def velocity(t, x):
        return x * torch.where(t < 0.35, 3.0, -3.0)

    source = Gaussian(dim=1, dtype="float64")
    process = si.StochasticInterpolant(Linear(), NoLatent(), Independent(), source, source)
    model = model_of(process, si.FunctionFields(velocity=velocity))
    x = torch.linspace(-0.5, 0.5, 50, dtype=torch.float64)[:, None]
    found = LogLikelihood(steps=1000, tolerance=1e-5).estimate(model, x)
    coupled = LogLikelihood(steps=1000, path="coupled").estimate(model, x)
    log_volume = 3 * (0.35 - 0.65)
    truth = source.log_prob(x * math.exp(-log_volume)) - log_volume
    assert found.details["most_divergences"] == 257
    assert found.details["quadrature_error"] > 1e-5
    assert rms(found.per_sample - truth) < 2 * found.details["worst_quadrature_error"]
    assert found.standard_error > coupled.standard_error


def test_the_standard_error_has_the_error_in_it():
    process = mixture(0.3)
    x = process.target.sample(1, generator()).expand(50, 2)
    found = LogLikelihood(steps=50).estimate(model_of(process), x)
    # The points are one, so nothing else is left.
    assert found.standard_error == pytest.approx(found.details["quadrature_error"], rel=1e-6)
    bits = LogLikelihood(steps=50, unit="bits/dim").estimate(model_of(process), x)
    for name in ("quadrature_error", "worst_quadrature_error"):
        assert bits.details[name] * 2 * math.log(2) == pytest.approx(found.details[name])
    assert "quadrature_error" not in LogLikelihood(steps=5, path="coupled").estimate(model_of(process), x).details


@pytest.mark.parametrize("divergence", ["exact", "hutchinson"])
def test_points_have_nodes_of_their_own(divergence):
    process = mixture(0.1)
    model, x = model_of(process), process.target.sample(20, generator())
    found = [
        LogLikelihood(divergence=divergence, probes=2, steps=30, batch=batch).estimate(model, x, generator(3))
        for batch in (100, 7)
    ]
    assert torch.allclose(found[0].per_sample, found[1].per_sample, rtol=0, atol=1e-11)
    assert found[0].details["divergences"] == found[1].details["divergences"]
    assert found[0].details["most_divergences"] > found[0].details["divergences"]


class Labelled(nn.Module):
    """Slow for one class, fast for the others."""

    def forward(self, t, x, condition=None):
        return torch.sin(x * (1 + 4 * condition["species"].to(x).reshape(-1, 1)))


def test_points_with_conditions_of_their_own():
    class Three(GaussianMixture):
        conditions: Mapping[str, si.ConditionSpec] = {"species": si.ConditionSpec(classes=("a", "b", "c"))}

        def draw(self, n, generator=None):
            return self.sample(n, generator), {"species": torch.randint(3, (n,), generator=generator)}

    target, source = Three(means=MEANS, covariances=0.25, dtype="float64"), Gaussian(dim=2, dtype="float64")
    process = si.StochasticInterpolant(Linear(), NoLatent(), Independent(), source, target)
    labels = torch.arange(6) % 3
    x = process.target.sample(6, generator())
    parametrisation = si.Parametrisation(process.clock, precondition=False)

    def estimate(labels, points):
        fields = si.LearnedFields(process, ["velocity"], si.Predictor([Labelled()], 1), parametrisation)
        fields = fields.conditioned({"species": labels})
        return LogLikelihood(steps=40, tolerance=1e-4).estimate(model_of(process, fields), points)

    together = estimate(labels, x)
    assert together.details["most_divergences"] > together.details["divergences"]
    for row in range(6):
        alone = estimate(labels[row : row + 1], x[row : row + 1])
        assert float(together.per_sample[row]) == pytest.approx(alone.value, abs=1e-11)


class AsGiven(si.Integrator):
    """Thirty steps of RK4, whatever the span: it knows nothing of parts."""

    def solve(self, transport, x, generator=None):
        return si.build("integrator", "rk4", steps=30).solve(transport, x, generator)


@pytest.mark.parametrize(
    ("method", "steps"),
    [("dopri5", None), ("adams-bashforth", 50), ("exponential", 50), ("as given", 30), ("rk4", None)],
)
def test_methods_that_would_lose_by_stops_carry_the_divergence_along(method, steps):
    process = mixture(0.3)
    model, x = model_of(process), process.target.sample(60, generator())
    found = []
    for path in ("quadrature", "coupled"):
        estimator = LogLikelihood(method="rk4" if method == "as given" else method, steps=steps, path=path)
        if method == "as given":
            estimator.integrator = AsGiven()
        found.append(estimator.estimate(model, x))
    assert torch.equal(found[0].per_sample, found[1].per_sample)
    assert found[0].details == found[1].details
    assert found[0].details["path"] == "coupled"


class Backwards(si.Integrator):
    """Implicit in kind: it asks for the drift at the end of a step first, and for that of the beginning never."""

    def __init__(self, steps):
        self.steps = steps

    def solve(self, transport, x, generator=None):
        h = (transport.stop - transport.start) / self.steps
        for k in range(self.steps):
            time, y = transport.start + h * (k + 1), x
            time = transport.stop if k + 1 == self.steps else time
            for _ in range(20):
                y = x + h * transport.drift(time, y)
            x = y
        return si.Trajectory(torch.tensor([transport.start, transport.stop]), torch.stack([x, x]), 20 * self.steps)

    def part(self, fraction):
        return Backwards(max(1, round(self.steps * fraction)))


def test_a_method_that_never_asks_for_the_first_drift():
    process = mixture(1.0)
    transport, x = si.Transport(si.exact_fields(process), 0.0, 1.0, 0.0), process.target.sample(20, generator())
    path = KnownPath(transport, x, Backwards(10), 10)
    assert path.evaluations == 210
    exact = KnownPath(transport, x, si.build("integrator", "rk4", steps=100), 100)
    # The method is of order 1; the path between its steps is no worse than at them.
    assert rms(path.at(0.333) - exact.at(0.333)) < 1.5 * rms(path.at(0.4) - exact.at(0.4))


@pytest.mark.parametrize("latent", [NoLatent(), Brownian(1.0)])
def test_the_path_between_stops_has_order_four(latent):
    process = mixture(0.5, latent=latent)
    transport = si.Transport(si.exact_fields(process), 0.0, 1.0, 0.0)
    x, fractions, found = process.target.sample(50, generator()), (0.013, 0.31, 0.777, 0.998), []
    for steps in (10, 20, 400):
        path = KnownPath(transport, x, si.build("integrator", "rk4", steps=steps), steps)
        found.append(torch.stack([path.at(fraction) for fraction in fractions]))
        assert torch.equal(path.at(0.31, torch.tensor([4, 2])), path.at(0.31)[[4, 2]])
        assert torch.equal(path.at(0.0), x)
        assert torch.equal(path.at(1.0), path.final)
        # One more than the steps', for the drift at the end.
        assert path.evaluations == 4 * steps + 1
    assert rms(found[1] - found[2]) < rms(found[0] - found[2]) / 8


def test_the_steps_are_those_of_the_integrator():
    process = mixture(0.5, latent=Brownian(1.0))
    transport, x = si.Transport(si.exact_fields(process), 0.0, 1.0, 0.0), process.target.sample(9, generator())
    rk4 = si.build("integrator", "rk4", steps=7)
    assert torch.allclose(KnownPath(transport, x, rk4, 7).final, rk4.solve(transport, x).final, rtol=0, atol=1e-12)


class Hidden(nn.Module):
    """A network behind another's name: what it offers is out of sight."""

    def __init__(self, network):
        super().__init__()
        self.network = network

    def forward(self, t, x, condition=None):
        return self.network(t, x, condition)


@pytest.mark.parametrize("path", ["quadrature", "coupled"])
@pytest.mark.parametrize("divergence", ["exact", "hutchinson"])
def test_a_divergence_that_a_network_offers_changes_no_value(divergence, path):
    network_kind = pytest.importorskip("si_networks.mlp").Mlp
    process = mixture(0.5, latent=Brownian(1.0))
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = network_kind((2,), heads=2, width=16, depth=3).double()
        nn.init.normal_(network.output.weight, std=0.5)
    x = process.target.sample(12, generator())
    parametrisation = si.Parametrisation(process.clock, precondition=True)
    found = []
    for each in (network, Hidden(network)):
        fields = si.LearnedFields(process, ["velocity", "denoiser"], si.Predictor([each], 2), parametrisation)
        estimator = LogLikelihood(divergence=divergence, noise="gaussian", steps=10, path=path)
        found.append(estimator.estimate(model_of(process, fields), x, generator(1)).per_sample)
    assert torch.allclose(*found, rtol=0, atol=1e-10)
