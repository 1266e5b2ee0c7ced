"""A simulator of two parameters with a Gaussian posterior, and models of which that posterior is known."""

from __future__ import annotations

import pytest
import torch

import si_core as si
from si_inference.simulator import Reference, Simulator

NOISE = 0.5


class Line(Simulator):
    """``theta ~ N(0, I)``, three numbers ``x = (theta1, theta2, theta1 + theta2) + N(0, NOISE^2 I)``."""

    names = ("a", "b")
    observation_shape = (3,)
    design = torch.tensor([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]], dtype=torch.float64)

    def prior(self, n, generator):
        return torch.randn(n, 2, dtype=torch.float64, generator=generator)

    def simulate(self, theta, generator):
        return theta @ self.design.T + NOISE * torch.randn(len(theta), 3, dtype=torch.float64, generator=generator)

    def moments(self, x):
        precision = torch.eye(2, dtype=torch.float64) + self.design.T @ self.design / NOISE**2
        covariance = precision.inverse()
        return x.double() @ self.design @ covariance / NOISE**2, covariance

    def posterior_log_prob(self, theta, x):
        mean, covariance = self.moments(x)
        return torch.distributions.MultivariateNormal(mean, covariance).log_prob(theta)

    def posterior(self, x, n, generator):
        mean, covariance = self.moments(x)
        return mean + torch.randn(n, 2, dtype=torch.float64, generator=generator) @ torch.linalg.cholesky(covariance).T

    def references(self):
        generator = torch.Generator().manual_seed(5)
        theta = self.prior(2, generator)
        x = self.simulate(theta, generator)
        return tuple(Reference(f"x{i}", x[i], self.posterior(x[i], 400, generator), theta[i]) for i in range(2))


class GaussianVelocity(torch.nn.Module):
    """The velocity from N(0, I) to the posterior, its standard deviations times ``width``, along (1-t) x0 + t x1.

    ``blind`` is the prior's, whatever the observation.

    In the axes of the covariance each coordinate is ``b = m + (t s^2 - (1-t))/((1-t)^2 + t^2 s^2) (x - t m)``.
    """

    def __init__(self, simulator, frame, width, shift, blind):
        super().__init__()
        self.simulator, self.frame, self.width, self.shift = simulator, frame, width, shift
        self.blind = blind
        self.anchor = torch.nn.Parameter(torch.zeros(()))

    def forward(self, t, x, condition=None):
        mean, covariance = self.simulator.moments(condition["observation"])
        if self.blind:
            mean, covariance = torch.zeros_like(mean), torch.eye(2, dtype=torch.float64)
        mean = ((mean + self.shift - self.frame.shift) / self.frame.scale).to(x)
        covariance = self.width**2 * covariance / self.frame.scale / self.frame.scale[:, None]
        variances, axes = (part.to(x) for part in torch.linalg.eigh(covariance))
        t = t.reshape(-1, 1)
        m, away = mean @ axes, (x - t * mean) @ axes
        return (m + (t * variances - (1 - t)) / ((1 - t) ** 2 + t**2 * variances) * away) @ axes.T + 0 * self.anchor


def process_to(target):
    parts = si.build("interpolant", "linear"), si.build("latent", "none"), si.build("coupling", "independent")
    return si.StochasticInterpolant(*parts, si.build("distribution", "gaussian", dim=2, dtype="float64"), target)


@pytest.fixture
def line():
    return Line()


@pytest.fixture
def model_of(line):
    """``model_of(width, shift)``: a model with the posterior, too wide by a factor, moved by a shift."""

    def make(width=1.0, shift=0.0, blind=False):
        target = si.build("distribution", "simulations", simulator=line, number=800, held_out=0.5, dtype="float64")
        network = GaussianVelocity(line, target.frame, width, shift, blind)
        process = process_to(target)
        parametrisation = si.Parametrisation(precondition=False, clock=si.UniformClock())
        fields = si.LearnedFields(process, ["velocity"], si.Predictor([network], 1), parametrisation)
        return si.Model(process, fields, si.build("integrator", "rk4", steps=10))

    return make
