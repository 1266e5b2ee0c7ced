"""The closed forms of the diffusion schedules, what they need of a process, and their options."""

from __future__ import annotations

import math

import pytest
import torch

import si_core as si

INTERPOLANTS = ("linear", "trigonometric", "variance-matched-trigonometric", "encoder-decoder", "variance-preserving")
LATENTS = ("none", "brownian", "quadratic", "encoder-decoder")
PAIRS = [
    (interpolant, latent)
    for interpolant in INTERPOLANTS
    for latent in LATENTS
    if (interpolant, latent) != ("variance-matched-trigonometric", "encoder-decoder")
]


def built(name: str, interpolant: str = "linear", latent: str = "none", **options: float) -> si.Diffusion:
    gamma = si.build("latent", latent)
    path = si.build("interpolant", interpolant, context={"latent": gamma})
    return si.build("diffusion", name, context={"interpolant": path, "latent": gamma}, **options)


FOLLMER_REFUSES = [pair for pair in PAIRS if pair[0] == "encoder-decoder" or pair[1] == "none"]


@pytest.mark.parametrize(
    ("name", "options", "form"),
    [
        ("constant", {"level": 0.7}, lambda t, g: 0.7 + 0 * t),
        ("gamma", {"scale": 3.0}, lambda t, g: 3 * g),
        ("sine", {"scale": 2.0}, lambda t, g: 2 * torch.sin(math.pi * t)),
        ("sine-squared", {"scale": 2.0}, lambda t, g: 2 * torch.sin(math.pi * t) ** 2),
        ("cosine-decay", {"scale": 0.5}, lambda t, g: (0.5 * torch.cos(math.pi * t) + 1) ** 2 / 4),
        ("linear-decay", {"scale": 2.0}, lambda t, g: 2 * (1 - t)),
    ],
)
def test_closed_forms(name: str, options: dict[str, float], form) -> None:
    t = torch.linspace(0, 1, 33, dtype=torch.float64)
    gamma = (t * (1 - t)).sqrt()
    torch.testing.assert_close(built(name, **options).epsilon(t, gamma), form(t, gamma), rtol=1e-14, atol=1e-14)


@pytest.mark.parametrize(
    ("interpolant", "form"),
    [
        ("linear", lambda t: (1 - t) / t),
        ("trigonometric", lambda t: (math.pi / 2) / torch.tan(math.pi * t / 2)),
        ("variance-preserving", lambda t: 1 / t),
    ],
)
def test_the_likelihood_optimal_level(interpolant: str, form) -> None:
    """``D(t)`` where the limit is far away, ``D/(1 + D/limit)`` where it is near, and the limit itself at t = 0."""
    t = torch.linspace(0.02, 1, 50, dtype=torch.float64)
    free = built("likelihood-optimal", interpolant, limit=1e13).epsilon(t, t)
    # The step from inside at t = 1 is a line through times 2^-16 apart: off by its square, 2e-10 times a curvature.
    torch.testing.assert_close(free, form(t), rtol=2e-9, atol=1e-10)
    held = built("likelihood-optimal", interpolant, limit=5.0).epsilon(t, t)
    torch.testing.assert_close(held, form(t) / (1 + form(t) / 5), rtol=2e-9, atol=1e-10)
    assert float(built("likelihood-optimal", interpolant, limit=5.0).epsilon(torch.zeros(1), torch.zeros(1))) == 5.0


@pytest.mark.parametrize(("interpolant", "latent"), [p for p in PAIRS if p[0] != "encoder-decoder"])
def test_the_likelihood_optimal_level_splits_the_velocity(interpolant: str, latent: str) -> None:
    """``b = (beta_dot/beta) x + D s`` for a one-sided process, against its exact fields."""
    pytest.importorskip("si_distributions")
    gamma = si.build("latent", latent)
    path = si.build("interpolant", interpolant, context={"latent": gamma})
    source = si.build("distribution", "gaussian", dim=2)
    target = si.build(
        "distribution", "gaussian-mixture", weights=[0.4, 0.6], means=[[1.0, 2.0], [-1.0, 0.5]], covariances=[0.3, 0.8]
    )
    process = si.StochasticInterpolant(path, gamma, si.build("coupling", "independent"), source, target)
    fields, x = si.exact_fields(process), torch.randn(20, 2, generator=torch.Generator().manual_seed(1)).double()
    diffusion = si.build("diffusion", "likelihood-optimal", interpolant=path, latent=gamma, limit=1e13)
    for t in (0.1, 0.4, 0.7, 0.95):
        time = torch.tensor([t], dtype=torch.float64)
        level = diffusion.epsilon(time, gamma.gamma(time))
        expected = path.beta_dot(time) / path.beta(time) * x + level * fields.score(t, x)
        torch.testing.assert_close(fields.velocity(t, x), expected, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize(("interpolant", "latent"), FOLLMER_REFUSES)
def test_follmer_says_what_it_needs(interpolant: str, latent: str) -> None:
    with pytest.raises(si.UsageError, match="follmer needs"):
        built("follmer", interpolant, latent)


def test_the_follmer_level_of_a_brownian_bridge_is_half_its_scale() -> None:
    t = torch.linspace(0, 1, 21, dtype=torch.float64)
    level = built("follmer", "linear", "brownian").epsilon(t, t)
    torch.testing.assert_close(level, torch.full_like(t, 0.5), rtol=1e-9, atol=0)


def test_the_follmer_level_of_forecasts() -> None:
    """``g^2 = |2 t sigma (sigma beta_dot/beta - sigma_dot) - sigma^2|``, ``sigma = 1-t``: epsilon = (1-t)(1+t)/2."""
    t = torch.linspace(0, 1, 21, dtype=torch.float64)
    level = built("follmer", "linear", "wiener").epsilon(t, t)
    torch.testing.assert_close(level, 0.5 * (1 - t) * (1 + t), rtol=1e-9, atol=1e-12)


def test_the_likelihood_optimal_level_needs_a_linear_path() -> None:
    class Curved(si.Interpolant):
        def value(self, t, x0, x1):
            return x0 + t * (x1 - x0)

    with pytest.raises(si.UsageError, match="spatially linear"):
        si.build("diffusion", "likelihood-optimal", interpolant=Curved(), latent=si.build("latent", "none"))


@pytest.mark.parametrize("name", ["constant", "gamma", "sine", "linear-decay", "likelihood-optimal"])
@pytest.mark.parametrize("value", [-1.0, math.inf, math.nan, True])
def test_options_out_of_range_are_refused(name: str, value: object) -> None:
    option = {"constant": "level", "likelihood-optimal": "limit"}.get(name, "scale")
    with pytest.raises(si.UsageError, match=option):
        built(name, **{option: value})
