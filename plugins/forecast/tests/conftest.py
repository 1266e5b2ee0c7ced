"""A model whose one step is exactly that of the Ornstein-Uhlenbeck process, in the three ways to forecast.

In model space ``x1 | past ~ N(mu, s^2)``. With x0 of mean c and variance n^2 (``c = 0, n = 1`` for a Gaussian source;
``c`` the present state for consecutive states), ``x_t ~ N(m_t, C_t)`` given the past, with
``m_t = (1-t) c + t mu``, ``C_t = (1-t)^2 n^2 + t^2 s^2 + gamma^2``: velocity ``mu - c + C_t'/(2 C_t) (x - m_t)``, score
``-(x - m_t)/C_t``.
"""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

import si_core as si


class ExactFields(si.FunctionFields):
    """The fields given the past: what they are given last, for functions of (t, x) know no other way."""

    def __init__(self, process, law) -> None:
        super().__init__(velocity=self._velocity, score=self._score, process=process)
        self.law = law

    def conditioned(self, condition):
        self.condition = condition
        return self

    def _parts(self, t: Tensor, x: Tensor) -> tuple[Tensor, ...]:
        frame = self.law.frame
        shift, scale = float(frame.shift), float(frame.scale)
        present = self.condition["past"][:, -1]
        mean = (self.law.decay * (shift + scale * present) - shift) / scale
        variance = self.law.variance * (1 - self.law.decay**2) / scale**2
        coupling = self.process.coupling
        own = getattr(coupling, "noise", None)
        centre, start = (0 * present, 1.0) if own is None else (present, own)
        t = t.double()
        gamma, both = self.process.latent.gamma(t), self.process.latent.gamma_gamma_dot(t)
        spread = (1 - t) ** 2 * start**2 + t**2 * variance + gamma**2
        rate = -(1 - t) * start**2 + t * variance + both
        return x - (1 - t) * centre - t * mean, spread, rate, mean - centre

    def _velocity(self, t: Tensor, x: Tensor) -> Tensor:
        off, spread, rate, drift = self._parts(t, x)
        if float(spread) == 0:  # a given start, at t = 0, where the state is the start
            return drift
        return drift + rate / spread * off

    def _score(self, t: Tensor, x: Tensor) -> Tensor:
        off, spread, _, _ = self._parts(t, x)
        return torch.zeros_like(x) if float(spread) == 0 else -off / spread


@pytest.fixture(scope="session")
def exact_model():
    """The model of a way to forecast: ``exact_model("anchored", rows=100)``."""
    return _exact_model


def _exact_model(way: str, **options) -> si.Model:
    law = si.build("distribution", "ornstein-uhlenbeck-series", dtype="float64", **{"step": 0.3, **options})
    latent = si.build("latent", *(["wiener"] if way == "anchored" else ["none"]))
    interpolant = si.build("interpolant", "linear")
    if way == "from noise":
        coupling, source = si.build("coupling", "independent"), si.build("distribution", "gaussian", shape=[1])
    else:
        coupling, source = si.build("coupling", "consecutive", noise=0.0 if way == "anchored" else 0.5), None
    process = si.StochasticInterpolant(interpolant, latent, coupling, source, law)
    if way == "anchored":
        method, epsilon = si.build("integrator", "stochastic-heun", steps=40), 0.3
    else:
        method, epsilon = si.build("integrator", "rk4", steps=12), 0.0
    return si.Model(process, ExactFields(process, law), method, epsilon)
