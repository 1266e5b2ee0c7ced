"""Simulators against their closed forms and the reference posteriors that come with them."""

import math

import pytest
import torch

import si_core as si
from si_inference.simulators.gaussian_linear import GaussianLinear
from si_inference.simulators.slcp import Slcp
from si_inference.simulators.two_moons import TwoMoons


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("name", ["gaussian-linear", "two-moons", "slcp"])
def test_references_come_with_the_package(name):
    simulator = si.build("simulator", name)
    references = simulator.references()
    assert len({reference.name for reference in references}) == 3
    for reference in references:
        assert reference.samples.shape == (1000, len(simulator.names))
        assert reference.truth.shape == (len(simulator.names),)


def test_the_posterior_of_the_gaussian_is_that_of_its_references():
    simulator = GaussianLinear()
    for reference in simulator.references():
        x = reference.observation
        mean, variance = x / 2, 0.05
        assert float(((reference.samples.mean(0) - mean).abs() / math.sqrt(variance / 1000)).max()) < 5
        normal = torch.distributions.Normal(mean, math.sqrt(variance))
        found = simulator.posterior_log_prob(reference.samples, x.expand(1000, -1))
        torch.testing.assert_close(found, normal.log_prob(reference.samples).sum(1))


@pytest.mark.parametrize("x", [(-0.64, 0.16), (0.0, -0.65), (-0.9, -0.2)])
def test_the_posterior_of_two_moons_integrates_to_one(x):
    """Also where the box cuts a moon off, as for the last of these: by the midpoint rule."""
    simulator, side = TwoMoons(), 800
    line = (torch.arange(side, dtype=torch.float64) + 0.5) / side * 2 - 1
    theta = torch.cartesian_prod(line, line)
    observation = torch.tensor(x, dtype=torch.float64)
    density = simulator.posterior_log_prob(theta, observation.expand(len(theta), 2)).exp()
    assert float(density.sum()) * (2 / side) ** 2 == pytest.approx(1.0, abs=5e-3)


def test_two_moons_are_simulated_as_they_are_told():
    """Given parameters, p = x - shift has the radius N(.1, .01^2) and a uniform angle about (.25, 0)."""
    theta = torch.tensor([[0.3, -0.5]], dtype=torch.float64).expand(4000, 2)
    x = TwoMoons().simulate(theta, seeded())
    away = x - torch.tensor([-0.2, -0.8], dtype=torch.float64) / math.sqrt(2) - torch.tensor([0.25, 0.0])
    radius, angle = away.norm(dim=1), torch.atan2(away[:, 1], away[:, 0])
    assert float(radius.mean()) == pytest.approx(0.1, abs=5 * 0.01 / math.sqrt(4000))
    assert float(radius.std()) == pytest.approx(0.01, rel=0.06)
    assert float(angle.std()) == pytest.approx(math.pi / math.sqrt(12), rel=0.06)
    assert float(angle.abs().max()) < math.pi / 2


def test_an_observation_that_no_parameters_give_has_no_posterior():
    with pytest.raises(si.DataError, match="hardly any parameters"):
        TwoMoons().posterior(torch.tensor([9.0, 9.0], dtype=torch.float64), 10, seeded())


def test_points_of_slcp_have_the_covariance_of_their_parameters():
    theta = torch.tensor([[0.7, -2.9, -1.5, 0.9, 0.6]], dtype=torch.float64).expand(20_000, 5)
    points = Slcp().simulate(theta, seeded()).reshape(-1, 2)
    first, second, rho = 1.5**2, 0.9**2, math.tanh(0.6)
    truth = torch.tensor([[first**2, rho * first * second], [rho * first * second, second**2]], dtype=torch.float64)
    torch.testing.assert_close(torch.cov(points.T), truth, rtol=0.05, atol=0)
    torch.testing.assert_close(points.mean(0), theta[0, :2], rtol=0, atol=0.05)
