"""Bridges with a mixture as potential, and the targets made of them: against quadrature, simulation and Gaussians."""

from __future__ import annotations

import math
import pickle

import numpy as np
import pytest
import torch

import si_core as si
from si_authoring.testing import DistributionConformance
from si_schrodinger.bridge_target import BridgeTarget
from si_schrodinger.gaussian_bridge import GaussianBridge
from si_schrodinger.potential_bridge import PotentialBridge

MEANS = [[1.5, 0.0], [-1.0, 1.2], [-0.5, -1.5]]
WEIGHTS = [0.5, 0.3, 0.2]
COVARIANCES = [[[0.3, 0.1], [0.1, 0.2]], [[0.2, 0.0], [0.0, 0.5]], [[0.15, -0.05], [-0.05, 0.25]]]


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def normal(n, d, seed):
    return torch.randn(n, d, dtype=torch.float64, generator=seeded(seed))


@pytest.fixture(params=[0.1, 0.6])
def bridge(request):
    return PotentialBridge(WEIGHTS, MEANS, COVARIANCES, request.param)


@pytest.mark.parametrize("t", [0.0, 0.4, 0.99, 1.0])
def test_the_drift_is_the_gradient_of_the_potential(bridge, t):
    x = normal(30, 2, 1).requires_grad_()
    gradient = torch.autograd.grad(bridge.log_potential(t, x).sum(), x)[0]
    torch.testing.assert_close(bridge.drift(t, x.detach()), 2 * bridge.epsilon * gradient, rtol=1e-10, atol=1e-10)


def test_the_potential_is_a_convolution(bridge):
    """``psi(0, x) = int N(y|x, 2 epsilon I) psi(1, y) dy`` by a sum over a grid, exact to rounding for Gaussians."""
    h, side = 0.1, torch.arange(-9, 9, 0.1, dtype=torch.float64)
    y = torch.cartesian_prod(side, side)
    x = normal(4, 2, 2)
    log_steps = -(x[:, None] - y).square().sum(-1) / (4 * bridge.epsilon) - math.log(4 * math.pi * bridge.epsilon)
    found = (log_steps + bridge.log_potential(1.0, y)).exp().sum(1) * h**2
    torch.testing.assert_close(bridge.log_potential(0.0, x).exp(), found, rtol=1e-8, atol=0)


@pytest.mark.parametrize("t", [0.2, 0.8])
def test_the_potential_solves_its_equation(bridge, t):
    """``d log psi/dt = -epsilon Lap log psi - epsilon |grad log psi|^2``: the drift solves the equation of a bridge."""
    x, h = normal(10, 2, 3), 1e-4
    derivative = (bridge.log_potential(t + h, x) - bridge.log_potential(t - h, x)) / (2 * h)
    steps = h * torch.eye(2, dtype=torch.float64)
    laplacian = sum(
        (bridge.drift(t, x + step)[:, i] - bridge.drift(t, x - step)[:, i]) / (2 * h) for i, step in enumerate(steps)
    ) / (2 * bridge.epsilon)
    gradient = bridge.drift(t, x) / (2 * bridge.epsilon)
    expected = -bridge.epsilon * (laplacian + gradient.square().sum(1))
    # Central differences: h^2 times a third derivative, of the order of 1e3 for the narrowest component.
    torch.testing.assert_close(derivative, expected, rtol=1e-4, atol=1e-4)


def test_times_may_differ_from_row_to_row_and_events_may_have_axes(bridge):
    x, t = normal(6, 2, 4), torch.linspace(0, 1, 6, dtype=torch.float64)
    rows = torch.cat([bridge.drift(time, row[None]) for time, row in zip(t, x, strict=True)])
    torch.testing.assert_close(bridge.drift(t, x), rows)
    assert torch.equal(bridge.drift(t, x.reshape(6, 1, 2)), rows.reshape(6, 1, 2))
    assert bridge.drift(t, x.float()).dtype == torch.float32
    assert bridge.sample_end(x.float(), seeded()).dtype == torch.float32


def gaussian_of_potential(mean, covariance, m0, a, epsilon):
    """The law of the end for one component: y|x is Gaussian, with mean linear in x."""
    noise = 2 * epsilon * torch.eye(len(m0), dtype=torch.float64)
    gain = covariance @ torch.linalg.inv(covariance + noise)
    end_mean = mean + gain @ (m0 - mean)
    return end_mean, gain @ noise + gain @ a @ gain.mT


def test_one_component_is_the_gaussian_bridge():
    """Potential N(mu, Sigma), source N(m0, A): the end is Gaussian, and the two drifts agree to rounding."""
    mean, m0 = torch.tensor([1.0, -0.5]).double(), torch.tensor([0.3, 0.2]).double()
    covariance, a = torch.tensor(COVARIANCES[0]).double(), torch.tensor([[1.2, 0.3], [0.3, 0.7]]).double()
    for epsilon in (0.05, 1.0, 20.0):
        end_mean, b = gaussian_of_potential(mean, covariance, m0, a, epsilon)
        gaussian = GaussianBridge(m0, a, end_mean, b, epsilon)
        one = PotentialBridge([3.0], mean[None], covariance[None], epsilon)
        x = 2 * normal(20, 2, 5)
        for t in (0.0, 0.5, 0.9, 1.0):
            torch.testing.assert_close(one.drift(t, x), gaussian.drift(t, x), rtol=1e-8, atol=1e-8)
        x0 = m0 + normal(20_000, 2, 6) @ torch.linalg.cholesky(a).mT
        found = one.path_kl(x0, seeded(7))
        assert abs(found.value - gaussian.path_kl()) < 5 * found.standard_error
        assert found.standard_error < 0.1 * (1 + gaussian.path_kl())


def features(x):
    """First and second moments of rows, and a wave that tells components apart; (n, 9)."""
    columns = [x[:, 0], x[:, 1], x[:, 0] ** 2, x[:, 1] ** 2, x[:, 0] * x[:, 1]]
    columns += [torch.sin(2 * x[:, 0]), torch.cos(2 * x[:, 0]), torch.sin(2 * x[:, 1]), torch.cos(2 * x[:, 1])]
    return torch.stack(columns, 1)


def apart(one, other):
    """The largest difference of the means of features, in standard errors."""
    one, other = features(one), features(other)
    error = (one.var(0) / len(one) + other.var(0) / len(other)).sqrt()
    return float(((one.mean(0) - other.mean(0)) / error).abs().max())


def simulated(drift, x, epsilon, steps, seed, stop=1.0):
    """The SDE by the stochastic Heun method, weak order 2."""
    generator, h = seeded(seed), stop / steps
    for k in range(steps):
        noise = (2 * epsilon * h) ** 0.5 * torch.randn(x.shape, dtype=x.dtype, generator=generator)
        derivative = drift(k * h, x)
        x = x + h / 2 * (derivative + drift((k + 1) * h, x + h * derivative + noise)) + noise
    return x


def test_the_sde_reproduces_the_conditional_plan(bridge):
    """From one point x: 9 features of X_1 against draws of y|x and, below, of X_t against the Brownian bridge to them.

    5 standard errors of 20,000 paths. The method is of weak order 2, and at 10 steps 200,000 paths are off by 9 errors
    at most, so that 40 steps leave a fifth of one here.
    """
    n = 20_000
    x = torch.tensor([[0.2, 0.1]], dtype=torch.float64).expand(n, 2)
    ends = bridge.sample_end(x, seeded(8))
    assert apart(simulated(bridge.drift, x, bridge.epsilon, 40, 9), ends) < 5
    assert apart(simulated(bridge.drift, x, bridge.epsilon, 20, 10, 0.5), bridge.between(0.5, x, ends, seeded(11))) < 5
    # The same test tells a drift that is a fifth too small.
    weak = simulated(lambda t, x: 0.8 * bridge.drift(t, x), x, bridge.epsilon, 40, 9)
    assert apart(weak, ends) > 10


@pytest.fixture
def target():
    return BridgeTarget(MEANS, WEIGHTS, COVARIANCES, 0.2, [0.5, -0.5], [[0.8, 0.2], [0.2, 0.5]], dtype="float64")


def test_draws_of_the_target_are_ends_of_its_bridge(target):
    """From the source: 9 features of the SDE's ends, 20,000 paths, and those of fresh draws of the target."""
    ends = target.sample(20_000, seeded(3))
    assert apart(simulated(target.bridge.drift, target.source.sample(20_000, seeded(1)), 0.2, 40, 2), ends) < 5
    assert apart(target.source.sample(20_000, seeded(4)), ends) > 10


def test_divergence_is_the_energy_of_the_paths(target):
    """``1/(4 epsilon) int E|u|^2 dt`` over draws of the bridge at 32 Gauss-Legendre nodes: 5 errors of both."""
    bridge, n = target.bridge, 20_000
    x0 = target.source.sample(n, seeded(5))
    x1 = bridge.sample_end(x0, seeded(6))
    nodes, weights = np.polynomial.legendre.leggauss(32)
    rates = [
        weight / 2 * bridge.drift(t, bridge.between(t, x0, x1, seeded(k))).square().sum(1)
        for k, (t, weight) in enumerate(zip((nodes + 1) / 2, weights, strict=True))
    ]
    energies = torch.stack(rates).sum(0) / (4 * bridge.epsilon)
    found = bridge.path_kl(target.source.sample(n, seeded(7)), seeded(8))
    error = math.hypot(found.standard_error, float(energies.std()) / math.sqrt(n))
    assert abs(found.value - float(energies.mean())) < 5 * error
    assert error < 0.02 * found.value
    assert found.per_sample.shape == (n,)


def test_the_target_has_no_density_and_is_pickled(target):
    assert not target.has_density
    copy = pickle.loads(pickle.dumps(target))
    assert torch.equal(copy.sample(5, seeded()), target.sample(5, seeded()))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"epsilon": 0.0}, "positive number"),
        ({"means": [[0.0], [1.0, 2.0]]}, "rectangular"),
        ({"weights": [0.5, 0.1]}, "sum 1"),
        ({"source_mean": [0.0, 0.0, 0.0]}, "mean of another shape"),
        ({"dtype": "float16"}, "unknown dtype"),
    ],
)
def test_what_makes_no_target_is_refused(options, words):
    with pytest.raises(si.UsageError, match=words):
        BridgeTarget(**{"means": [[0.0, 0.0], [1.0, 2.0]], **options})


def test_what_makes_no_potential_is_refused():
    eye = torch.eye(2)[None]
    with pytest.raises(si.UsageError, match="don't fit together"):
        PotentialBridge([1.0, 1.0], torch.zeros(1, 2), eye, 1.0)
    with pytest.raises(si.UsageError, match="must be positive"):
        PotentialBridge([1.0], torch.zeros(1, 2), -eye, 1.0)
    with pytest.raises(si.UsageError, match="positive number"):
        PotentialBridge([1.0], torch.zeros(1, 2), eye, -1.0)


class TestBridgeTarget(DistributionConformance):
    @pytest.fixture(
        params=[
            {"means": MEANS, "weights": WEIGHTS, "covariances": COVARIANCES, "source_mean": [1.0, 0.0]},
            {"means": [[-2.0], [2.0]], "epsilon": 5.0, "source_covariance": 0.3, "dtype": "float64"},
        ],
        ids=["plane", "line"],
    )
    def component(self, request):
        return BridgeTarget(**request.param)
