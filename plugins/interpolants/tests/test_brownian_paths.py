"""Paths of the Brownian latent: one-time laws as gamma z, the covariance of a bridge, both ends at 0."""

from __future__ import annotations

import pytest
import torch

import si_core as si


def test_covariance_is_that_of_a_bridge() -> None:
    """``Cov(t, s) = scale min(t, s) (1 - max(t, s))``, each entry within five standard errors."""
    latent = si.build("latent", "brownian", scale=1.5)
    times = torch.tensor([0.0, 0.1, 0.35, 0.6, 0.95, 1.0], dtype=torch.float64)
    n = 40_000
    path = latent.path(times, torch.zeros(n, 1, dtype=torch.float64), torch.Generator().manual_seed(0))[..., 0]
    assert path.shape == (6, n)
    assert float(path[0].abs().max()) == 0.0
    assert float(path[-1].abs().max()) < 1e-12
    low, high = torch.minimum(times[:, None], times), torch.maximum(times[:, None], times)
    exact = 1.5 * low * (1 - high)
    # Var of a sample covariance of Gaussians: (C_ii C_jj + C_ij^2) / n.
    error = ((exact.diagonal()[:, None] * exact.diagonal() + exact**2) / n).sqrt()
    assert bool(((path @ path.T / n - exact).abs() <= 5 * error + 1e-12).all())
    torch.testing.assert_close(exact.diagonal().sqrt(), latent.gamma(times))


def test_paths_of_a_process_start_and_end_at_its_ends() -> None:
    process = si.StochasticInterpolant(
        si.build("interpolant", "trigonometric"),
        si.build("latent", "brownian"),
        si.build("coupling", "independent"),
        si.build("distribution", "two-moons"),
        si.build("distribution", "eight-gaussians"),
    )
    paths = process.paths(torch.linspace(0, 1, 11), 500, torch.Generator().manual_seed(0))
    assert paths.shape == (11, 500, 2)
    assert bool(torch.isfinite(process.target.log_prob(paths[-1])).all())
    assert float((paths[-1].norm(dim=1) - 2).abs().max()) < 1.2


def test_latents_without_paths_say_so() -> None:
    with pytest.raises(si.UsageError, match="no paths"):
        si.build("latent", "quadratic").path(torch.tensor([0.5]), torch.zeros(1, 1))
