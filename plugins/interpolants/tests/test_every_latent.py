"""Every installed latent: written derivatives beside traced ones, its coefficients in every clock, its options."""

from __future__ import annotations

import math

import pytest
import torch

import si_core as si
from si_core.discovery.available import available

OPTIONS: dict[str, tuple[dict[str, float], ...]] = {
    "brownian": ({}, {"scale": 0.3}, {"scale": 4.0}),
    "quadratic": ({}, {"scale": 2.5}),
    "sine-squared": ({}, {"scale": 0.5}),
    "sigmoid-bump": ({}, {"steepness": 3.0}, {"steepness": 25.0}),
    "wiener": ({}, {"scale": 2.0}),
    "encoder-decoder": ({}, {"unit_variance": True}),
}
NAMES = [found.component.name for found in available("latent")]
CASES = [(name, options) for name in NAMES if name != "none" for options in OPTIONS.get(name, ({},))]
CLOCKS = (si.UniformClock(), si.SineClock(), si.SineClock(stop=False), si.SineClock(start=False))
PARTS = ("gamma", "gamma_rate", "gamma_gamma_rate", "rate_over_gamma")


class Bare(si.Latent):
    """What a third party writes: gamma alone."""

    def __init__(self, of: si.Latent) -> None:
        self.of = of

    def gamma(self, t: torch.Tensor) -> torch.Tensor:
        return self.of.gamma(t)


def inner() -> torch.Tensor:
    return torch.linspace(0.03, 0.97, 48, dtype=torch.float64)


@pytest.mark.parametrize(("name", "options"), CASES)
def test_written_derivatives_equal_the_default_ones(name: str, options: dict[str, float]) -> None:
    latent, t = si.build("latent", name, **options), inner()
    torch.testing.assert_close(latent.gamma_dot(t), Bare(latent).gamma_dot(t), rtol=1e-11, atol=1e-12)
    torch.testing.assert_close(latent.gamma_gamma_dot(t), latent.gamma(t) * latent.gamma_dot(t), rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("clock", CLOCKS, ids=repr)
@pytest.mark.parametrize(("name", "options"), CASES)
def test_coefficients_in_a_clock_follow_the_chain_rule(name: str, options: dict[str, float], clock: si.Clock) -> None:
    latent, u = si.build("latent", name, **options), inner()
    t, rate = clock.time(u), clock.rate(u)
    gamma = latent.gamma(t)
    expected = (gamma, latent.gamma_dot(t) * rate, latent.gamma_gamma_dot(t) * rate, rate / gamma)
    for coefficients in (latent.in_clock(clock, u), Bare(latent).in_clock(clock, u)):
        for part, value in zip(PARTS, expected, strict=True):
            torch.testing.assert_close(getattr(coefficients, part), value, rtol=1e-10, atol=1e-11, msg=part)


@pytest.mark.parametrize("clock", CLOCKS, ids=repr)
@pytest.mark.parametrize(("name", "options"), CASES)
def test_coefficients_at_the_very_ends(name: str, options: dict[str, float], clock: si.Clock) -> None:
    """Finite in a clock of the latent's own order; ``(dt/du)/gamma`` only where gamma leaves 0 like a square root."""
    latent = si.build("latent", name, **options)
    own = latent.clock or si.UniformClock()
    ends = torch.tensor([0.0, 1.0], dtype=torch.float64)
    near = torch.tensor([1e-4, 1 - 1e-4], dtype=torch.float64)
    for of in (latent, Bare(latent)):
        found, beside = of.in_clock(clock, ends), of.in_clock(clock, near)
        assert (found.gamma.tolist() == [0.0, 0.0]) == latent.meets_ends
        assert bool(torch.isfinite(found.gamma_gamma_rate).all())
        for end in (0, 1):
            assert bool(torch.isfinite(found.gamma_rate[end])) == (clock.orders[end] >= own.orders[end])
            smooth = own.orders[end] == 1
            infinite = (smooth or clock.orders[end] == 1) and latent.meets_ends
            assert bool(torch.isinf(found.rate_over_gamma[end])) == infinite
            for part in PARTS[:3] if smooth or clock.orders[end] == 2 else ("gamma_gamma_rate",):
                value, neighbour = getattr(found, part)[end], getattr(beside, part)[end]
                # A step of 1e-4 in u moves a smooth coefficient by at most its derivative, below 200 for these options.
                assert abs(float(value - neighbour)) < 2e-2, part
            if not smooth and clock.orders[end] == 2:
                torch.testing.assert_close(found.rate_over_gamma[end], beside.rate_over_gamma[end], rtol=1e-5, atol=0)


@pytest.mark.parametrize("scale", [0.25, 1.0, 2.0])
def test_the_brownian_latent_in_its_clock(scale: float) -> None:
    """``gamma = sqrt(a)/2 sin(pi u)`` and ``(dt/du)/gamma = pi/sqrt(a)``, to the ends; and so by the default rule."""
    latent, u = si.build("latent", "brownian", scale=scale), torch.linspace(0, 1, 33, dtype=torch.float64)
    root = math.sqrt(scale)
    for of in (latent, Bare(latent)):
        found = of.in_clock(si.SineClock(), u)
        torch.testing.assert_close(found.gamma, root / 2 * torch.sin(math.pi * u), rtol=0, atol=1e-12)
        torch.testing.assert_close(found.gamma_rate, root / 2 * math.pi * torch.cos(math.pi * u), rtol=0, atol=1e-8)
        torch.testing.assert_close(found.rate_over_gamma, torch.full_like(u, math.pi / root), rtol=0, atol=1e-7)


@pytest.mark.parametrize(
    ("name", "option"),
    [("brownian", "scale"), ("quadratic", "scale"), ("sine-squared", "scale"), ("sigmoid-bump", "steepness")],
)
@pytest.mark.parametrize("value", [0.0, -1.0, math.inf, math.nan, True, "1"])
def test_options_out_of_range_are_refused(name: str, option: str, value: object) -> None:
    with pytest.raises(si.UsageError, match=option):
        si.build("latent", name, **{option: value})


@pytest.mark.parametrize(
    ("module", "target", "option"),
    [("latents", "Brownian", "scale"), ("latents", "SigmoidBump", "steepness"), ("diffusions", "Constant", "level")],
)
@pytest.mark.parametrize("value", [-1.0, math.inf, math.nan])
def test_constructors_refuse_by_themselves(module: str, target: str, option: str, value: float) -> None:
    import importlib

    with pytest.raises(si.UsageError, match=option):
        getattr(importlib.import_module(f"si_interpolants.{module}"), target)(**{option: value})
