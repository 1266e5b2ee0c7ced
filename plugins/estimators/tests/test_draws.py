"""Draws through given points of the target: their law is that of the process at every time."""

import pytest
import torch

import si_core as si
from si_distributions.correlated import CorrelatedGaussians
from si_distributions.gaussian import Gaussian
from si_distributions.independent import Independent
from si_distributions.mirror import Mirror
from si_estimators.draws import draw_at, draw_through, pairs_given_points
from si_interpolants.latents import Brownian, NoLatent
from si_interpolants.spatially_linear import Linear

SOURCE = Gaussian(mean=[0.3, -0.2], covariance=[[1.0, 0.2], [0.2, 0.8]], dtype="float64")
TARGET = Gaussian(mean=[1.0, -1.0], covariance=[[0.5, 0.3], [0.3, 0.9]], dtype="float64")
N = 20000


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("latent", [NoLatent(), Brownian(2.0)])
@pytest.mark.parametrize("coupling", [Independent(), Mirror()], ids=["independent", "mirror"])
def test_moments_of_the_process_at_every_time(coupling, latent):
    process = si.StochasticInterpolant(Linear(), latent, coupling, SOURCE, TARGET)
    x = TARGET.sample(N, generator())
    draw = draw_through(process, x, generator(1))
    assert draw.x1 is x
    assert draw.xt is x
    for time in (0.2, 0.5, 0.9):
        at = draw_at(process, draw, si.UniformClock(), torch.tensor(time, dtype=torch.float64))
        mean, covariance = si.exact_fields(process).moments(time)
        # Five standard errors: of a mean sqrt(C/n), of a covariance at most C sqrt(2/n).
        assert torch.allclose(at.xt.mean(0), mean, rtol=0, atol=5 * (2 / N) ** 0.5)
        assert torch.allclose(torch.cov(at.xt.T), covariance, rtol=0, atol=10 * (2 / N) ** 0.5)
        assert float(at.t) == time
        # The same ends and noise at all times, so that the target of the velocity is the derivative of the path.
        h = 1e-5
        times = torch.tensor([time + h, time - h], dtype=torch.float64)
        after, before = (draw_at(process, draw, si.UniformClock(), u).xt for u in times)
        derivative = (after - before) / (2 * h)
        assert torch.allclose(at.target("velocity"), derivative, atol=1e-6)


def test_pairs_that_are_drawn_together_are_known():
    assert pairs_given_points(Independent())
    assert pairs_given_points(Mirror())
    assert not pairs_given_points(CorrelatedGaussians(0.2))
