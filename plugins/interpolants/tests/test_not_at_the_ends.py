"""Processes that do not meet their ends, `constant` and `vp-beta`: closed forms, laws, and what is told of them."""

from __future__ import annotations

import math

import pytest
import torch

import si_core as si

pytest.importorskip("si_distributions")

T = torch.linspace(0, 1, 41, dtype=torch.float64)
DEVIATION = 0.3


def process_of(path: str, latent: si.Latent, source: si.Distribution | None = None) -> si.StochasticInterpolant:
    return si.StochasticInterpolant(
        si.build("interpolant", path),
        latent,
        si.build("coupling", "independent"),
        source or si.build("distribution", "gaussian", dim=1),
        si.build("distribution", "gaussian", mean=[2.0], covariance=DEVIATION**2),
    )


@pytest.mark.parametrize(("low", "high"), [(0.1, 20.0), (1.0, 1.0), (0.5, 4.0)])
def test_vp_beta_solves_the_equation_of_its_diffusion(low: float, high: float) -> None:
    """``dm/dr = -b m/2``, whose exponent the trapezoidal rule gives exactly for a linear b; variances add up to 1."""
    path, r = si.build("interpolant", "vp-beta", beta_min=low, beta_max=high), 1 - T
    level = low + (high - low) * r
    mean = torch.exp(-0.5 * r * (low + level) / 2)
    torch.testing.assert_close(path.beta(T), mean, rtol=1e-13, atol=0)
    torch.testing.assert_close(path.alpha(T) ** 2, 1 - mean**2, rtol=0, atol=1e-14)
    torch.testing.assert_close(path.beta_dot(T), level * mean / 2, rtol=1e-13, atol=0)
    assert float(path.beta(torch.zeros(()).double())) == pytest.approx(math.exp(-(low + high) / 4), rel=1e-13)


def test_the_reverse_sde_of_vp_beta_is_that_of_the_diffusion() -> None:
    """The drift ``b x/2 + b s`` and the noise ``sqrt(b)`` (arXiv 2011.13456, section 3.4) at epsilon = D = b/2."""
    none = si.build("latent", "none")
    process = process_of("vp-beta", none)
    level = 0.1 + 19.9 * (1 - T)
    optimal = si.build(
        "diffusion", "likelihood-optimal", interpolant=process.interpolant, latent=none, limit=1e13
    ).epsilon(T, T)
    torch.testing.assert_close(optimal, level / 2, rtol=1e-8, atol=1e-9)
    fields, x = si.exact_fields(process), torch.linspace(-3, 3, 9, dtype=torch.float64)[:, None]
    for t in (0.0, 0.3, 0.8, 0.999):
        b, score = fields.velocity(t, x), fields.score(t, x)
        half = (0.1 + 19.9 * (1 - t)) / 2
        torch.testing.assert_close(b + half * score, half * x + 2 * half * score, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("path", ["linear", "vp-beta"])
@pytest.mark.parametrize("scale", [None, 0.5])
def test_what_is_said_of_the_ends(path: str, scale: float | None) -> None:
    """``meets_ends`` is whether the scores of the process at t = 0 and 1 are those of source and target."""
    latent = si.build("latent", "none") if scale is None else si.build("latent", "constant", scale=scale)
    process = process_of(path, latent)
    fields, x = si.exact_fields(process), torch.linspace(-1, 3, 7, dtype=torch.float64)[:, None]
    alpha, beta = 1.0, 0.0
    if path == "vp-beta":
        beta = math.exp(-20.1 / 4)
        alpha = math.sqrt(1 - beta**2)
    smear = (scale or 0.0) ** 2
    start = (x - 2 * beta) / (alpha**2 + (beta * DEVIATION) ** 2 + smear)
    torch.testing.assert_close(fields.score(0.0, x), -start, rtol=1e-9, atol=1e-9)
    torch.testing.assert_close(fields.score(1.0, x), -(x - 2) / (DEVIATION**2 + smear), rtol=1e-7, atol=1e-7)
    assert process.meets_ends == (path == "linear" and scale is None)


def test_a_constant_latent_leaves_the_velocity_of_flow_matching() -> None:
    """gamma_dot = 0, so the regression target is ``x1 - x0`` at the positions ``(1-t) x0 + t x1 + sigma z``."""
    process = process_of("linear", si.build("latent", "constant", scale=0.2))
    draw = process.draw(64, torch.Generator().manual_seed(0))
    objective = si.build("objective", "velocity")
    wrong = torch.zeros_like(draw.xt)
    loss = objective.loss(draw, wrong) - objective.loss(draw, draw.x1 - draw.x0)
    torch.testing.assert_close(loss, 0.5 * (draw.x1 - draw.x0).square().flatten(1).sum(1), rtol=1e-5, atol=1e-6)
    t = draw.t[:, None]
    torch.testing.assert_close(draw.xt, (1 - t) * draw.x0 + t * draw.x1 + 0.2 * draw.z, rtol=1e-6, atol=1e-6)


def test_an_sde_with_a_constant_latent_runs_to_the_very_end() -> None:
    """Its law at t = 1 is the smeared target's at any noise level, from the smeared source."""
    process = process_of("linear", si.build("latent", "constant", scale=0.5))
    transport = si.Transport(si.exact_fields(process), epsilon=1.0)
    generator = torch.Generator().manual_seed(1)
    start = math.sqrt(1.25) * torch.randn(4000, 1, generator=generator, dtype=torch.float64)
    method = si.build("integrator", "stochastic-heun", steps=60)
    final = si.integrate(transport, start, method, generator).final
    variance = DEVIATION**2 + 0.25
    # Five standard errors of 4000 draws, and the bias of 60 steps of second order, of the order of their square.
    assert float(final.mean()) == pytest.approx(2.0, abs=5 * math.sqrt(variance / 4000) + 1e-3)
    assert float(final.var()) == pytest.approx(variance, rel=5 * math.sqrt(2 / 4000) + 1e-3)


def test_a_given_start_is_refused() -> None:
    with pytest.raises(si.UsageError, match="given start"):
        process_of("linear", si.build("latent", "constant"), si.build("distribution", "point-mass", point=[0.0]))


@pytest.mark.parametrize("options", [{"beta_min": 0.0}, {"beta_min": 3.0, "beta_max": 2.0}, {"beta_max": math.inf}])
def test_options_out_of_range_are_refused(options: dict[str, float]) -> None:
    with pytest.raises(si.UsageError, match="beta_m"):
        si.build("interpolant", "vp-beta", **options)
