"""Processes whose laws are known in closed form, and the exact law of a numerical solution between Gaussians."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

import si_core as si

MEANS = ([-1.0, 0.5], [1.0, 2.0])
COVARIANCES = ([[0.8, 0.3], [0.3, 0.6]], [[0.5, -0.2], [-0.2, 0.9]])
CROSS = [[0.2, 0.1], [-0.1, 0.15]]

Moments = tuple[Tensor, Tensor]


def make_process(
    source: si.Distribution | None, target: si.Distribution, coupling: si.Coupling, latent: str, path: str, scale: float
) -> si.StochasticInterpolant:
    gamma = si.build("latent", latent, **({"scale": scale} if latent in ("brownian", "quadratic") else {}))
    interpolant = si.build("interpolant", path, context={"latent": gamma})
    return si.StochasticInterpolant(interpolant, gamma, coupling, source, target)


@pytest.fixture
def gaussians() -> Callable[..., si.StochasticInterpolant]:
    """Two Gaussians with correlated covariances and a cross-covariance: ``gaussians(latent)``."""

    def make(latent: str, path: str = "linear", scale: float = 1.0) -> si.StochasticInterpolant:
        source, target = (
            si.build("distribution", "gaussian", mean=mean, covariance=covariance, dtype="float64")
            for mean, covariance in zip(MEANS, COVARIANCES, strict=True)
        )
        return make_process(source, target, si.build("coupling", "correlated", cross=CROSS), latent, path, scale)

    return make


@pytest.fixture
def mixtures() -> Callable[..., si.StochasticInterpolant]:
    """Two Gaussian mixtures: ``mixtures(latent)``; ``spread`` is the variance of the target's components."""

    def make(
        latent: str = "brownian",
        path: str = "linear",
        coupling: str = "independent",
        spread: float = 0.16,
        dtype: str = "float64",
    ) -> si.StochasticInterpolant:
        source = si.build(
            "distribution",
            "gaussian-mixture",
            weights=[0.3, 0.7],
            means=[[-1.0, 0.5], [1.2, -0.3]],
            covariances=[[[0.5, 0.2], [0.2, 0.8]], 0.4],
            dtype=dtype,
        )
        target = si.build(
            "distribution",
            "gaussian-mixture",
            weights=[0.5, 0.2, 0.3],
            means=[[2.0, 1.0], [-1.5, 1.5], [0.0, -2.0]],
            covariances=spread,
            dtype=dtype,
        )
        first = None if coupling == "mirror" else source
        return make_process(first, target, si.build("coupling", coupling), latent, path, 1.0)

    return make


@pytest.fixture
def true_moments() -> Callable[[si.StochasticInterpolant, float], Moments]:
    """Mean and covariance of x_t between the Gaussians, from the definition ``x_t = alpha x0 + beta x1 + gamma z``."""

    def at(process: si.StochasticInterpolant, time: float) -> Moments:
        t = torch.tensor(time, dtype=torch.float64)
        a, b, g = process.interpolant.alpha(t), process.interpolant.beta(t), process.latent.gamma(t)
        m0, m1, c0, c1, x = (torch.tensor(v, dtype=torch.float64) for v in (*MEANS, *COVARIANCES, CROSS))
        covariance = a**2 * c0 + b**2 * c1 + a * b * (x + x.T) + g**2 * torch.eye(2, dtype=torch.float64)
        return a * m0 + b * m1, covariance

    return at


@pytest.fixture
def carried_moments(monkeypatch: pytest.MonkeyPatch) -> Callable[[si.Transport, si.Integrator, Moments], Moments]:
    """Mean and covariance of the numerical solution of an affine problem, exactly.

    The final state is ``A x + c + sum_k B_k w_k`` with w_k the noise of step k. Rows that start from 0 and from unit
    vectors without noise give c and A; rows in which one coordinate of one w_k is 1 give the columns of every B_k.
    """

    def carried(transport: si.Transport, integrator: si.Integrator, initial: Moments) -> Moments:
        steps, d = (integrator.steps if transport.stochastic else 0), len(initial[0])
        x = torch.zeros(1 + d + d * steps, d, dtype=torch.float64)
        x[1 : 1 + d] = torch.eye(d)
        drawn = 0

        def unit_noise(buffer: Tensor, generator: torch.Generator | None = None) -> Tensor:
            nonlocal drawn
            buffer.zero_()[1 + d * (drawn + 1) : 1 + d * (drawn + 2)] = torch.eye(d)
            drawn += 1
            return buffer

        with monkeypatch.context() as patch:
            patch.setattr(torch.Tensor, "normal_", unit_noise)
            final = si.integrate(transport, x, integrator, torch.Generator()).final
        assert drawn == steps, "a method draws its noise once a step"
        shift = final[0]
        slope, response = (final[1 : 1 + d] - shift).T, final[1 + d :] - shift
        mean, covariance = initial
        return slope @ mean + shift, slope @ covariance @ slope.T + response.T @ response

    return carried
