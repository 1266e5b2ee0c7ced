"""Every installed interpolant: written derivatives beside traced ones, coefficients in every clock, variances."""

from __future__ import annotations

import itertools

import pytest
import torch

import si_core as si
from si_core.discovery.available import available

LATENTS = ("none", "brownian", "quadratic")
NAMES = [found.component.name for found in available("interpolant")]
CLOCKS = (si.UniformClock(), si.SineClock(), si.SineClock(stop=False), si.SineClock(start=False))
PARTS = ("alpha", "beta", "alpha_rate", "beta_rate")
CASES = [
    (name, latent)
    for name in NAMES
    # Only the variance-matched path looks at the latent.
    for latent in (LATENTS if name == "variance-matched-trigonometric" else LATENTS[:1])
]


class Bare(si.SpatiallyLinear):
    """What a third party writes: alpha and beta alone."""

    def __init__(self, of: si.SpatiallyLinear) -> None:
        self.of = of

    def alpha(self, t: torch.Tensor) -> torch.Tensor:
        return self.of.alpha(t)

    def beta(self, t: torch.Tensor) -> torch.Tensor:
        return self.of.beta(t)


def built(name: str, latent: str) -> si.SpatiallyLinear:
    path = si.build("interpolant", name, context={"latent": si.build("latent", latent), "shape": (2,)})
    if not isinstance(path, si.SpatiallyLinear):
        pytest.skip("not spatially linear")
    return path


def ends(n: int, event: tuple[int, ...], dtype: torch.dtype) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    return tuple(torch.randn(n, *event, generator=generator, dtype=dtype) for _ in range(2))


def inner(n: int = 41) -> torch.Tensor:
    """Times inside, away from the ends and from t = 1/2, where the encoder-decoder path has a jump in curvature."""
    t = torch.linspace(0.03, 0.97, n, dtype=torch.float64)
    return t[(t - 0.5).abs() > 5e-3]


@pytest.mark.parametrize(("name", "latent"), CASES)
def test_written_derivatives_equal_the_default_ones(name: str, latent: str) -> None:
    path, t = built(name, latent), inner()
    bare = Bare(path)
    torch.testing.assert_close(path.alpha_dot(t), bare.alpha_dot(t), rtol=1e-11, atol=1e-11)
    torch.testing.assert_close(path.beta_dot(t), bare.beta_dot(t), rtol=1e-11, atol=1e-11)


@pytest.mark.parametrize("clock", CLOCKS, ids=repr)
@pytest.mark.parametrize(("name", "latent"), CASES)
def test_coefficients_in_a_clock_follow_the_chain_rule(name: str, latent: str, clock: si.Clock) -> None:
    path = built(name, latent)
    u = torch.linspace(0.03, 0.97, 48, dtype=torch.float64)
    u = u[(clock.time(u) - 0.5).abs() > 1e-3]
    found, default = path.in_clock(clock, u), Bare(path).in_clock(clock, u)
    for part in PARTS:
        torch.testing.assert_close(getattr(found, part), getattr(default, part), rtol=1e-10, atol=1e-11, msg=part)


@pytest.mark.parametrize("clock", CLOCKS, ids=repr)
@pytest.mark.parametrize(("name", "latent"), CASES)
def test_coefficients_are_finite_to_the_very_ends(name: str, latent: str, clock: si.Clock) -> None:
    path = built(name, latent)
    own = path.clock or si.UniformClock()
    tamed = all(have >= need for have, need in zip(clock.orders, own.orders, strict=True))
    u = torch.linspace(0, 1, 65, dtype=torch.float64)
    steps, fourth = torch.arange(5).double() / 512, torch.tensor([1.0, -4.0, 6.0, -4.0, 1.0]).double()
    for of in (path.in_clock, Bare(path).in_clock):
        coefficients = of(clock, u)
        values = torch.stack([getattr(coefficients, p) for p in PARTS])
        assert not bool(torch.isnan(values).any())
        assert bool(torch.isfinite(values[:, 1:-1]).all())
        # A clock of a lower order than the path's own leaves its infinite derivative, and says so.
        assert bool(torch.isfinite(values[:, [0, -1]]).all()) == tamed
        if path.meets_ends:
            torch.testing.assert_close(values[:2, 0], torch.tensor([1.0, 0.0]).double(), rtol=0, atol=1e-12)
        torch.testing.assert_close(values[:2, -1], torch.tensor([0.0, 1.0]).double(), rtol=0, atol=1e-12)
        if tamed:
            # No jump at an end: the fourth difference of a smooth function, h^4 times its derivative.
            jumps = (of(clock, end) for end in (steps, 1 - steps))
            for parts in jumps:
                assert float((torch.stack([getattr(parts, p) for p in PARTS]) @ fourth).abs().max()) < 1e-5


@pytest.mark.parametrize("name", ["trigonometric", "variance-preserving", "vp-beta"])
def test_unit_variance_is_kept(name: str) -> None:
    path, t = built(name, "none"), torch.linspace(0, 1, 33, dtype=torch.float64)
    torch.testing.assert_close(path.alpha(t) ** 2 + path.beta(t) ** 2, torch.ones_like(t), rtol=0, atol=1e-15)


@pytest.mark.parametrize(("latent", "scale"), list(itertools.product(("brownian", "quadratic"), (0.5, 3.9))))
def test_variance_matching_counts_the_latent(latent: str, scale: float) -> None:
    gamma = si.build("latent", latent, scale=scale)
    path, t = si.build("interpolant", "variance-matched-trigonometric", latent=gamma), torch.linspace(0, 1, 33).double()
    total = path.alpha(t) ** 2 + path.beta(t) ** 2 + gamma.gamma(t) ** 2
    torch.testing.assert_close(total, torch.ones_like(t), rtol=0, atol=1e-14)


@pytest.mark.parametrize(
    ("latent", "options"), [("brownian", {"scale": 4.0}), ("sine-squared", {}), ("encoder-decoder", {})]
)
def test_variance_matching_refuses_a_latent_that_reaches_one(latent: str, options: dict[str, float]) -> None:
    with pytest.raises(si.UsageError, match="gamma < 1"):
        si.build("interpolant", "variance-matched-trigonometric", latent=si.build("latent", latent, **options))


def test_derivatives_are_those_of_the_value_under_inference_mode() -> None:
    path = si.build("interpolant", "trigonometric")
    t, (x0, x1) = torch.linspace(0.1, 0.9, 5), ends(5, (2,), torch.float32)
    expected = si.Interpolant.velocity(path, t, x0, x1)
    with torch.inference_mode():
        inside = si.Interpolant.velocity(path, t.clone(), x0.clone(), x1.clone())
        assert torch.is_inference_mode_enabled()
    assert torch.equal(inside, expected)
