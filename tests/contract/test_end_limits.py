"""Limits at the ends of [0, 1] of functions that can't be computed there, and derivatives in every mode of torch."""

from __future__ import annotations

import math

import pytest
import torch

import si_core as si
from si_core.contract.limits import MarginLimits, derivative, end_limits

ENDS = torch.tensor([0.0, 1.0], dtype=torch.float64)
INF = math.inf

SMOOTH = {
    "sinc": (lambda u: torch.sin(3 * u) / u, 3.0),
    "quotient": (lambda u: (u.exp() - 1) / torch.sin(u), 1.0),
    "constant": (lambda u: u / u, 1.0),
    "large": (lambda u: 1e6 * (1 + u) * u / u, 1e6),
    "steep": (lambda u: torch.expm1(40 * u) / u, 40.0),
    "zero": (lambda u: u**3 / u, 0.0),
    "oscillating": (lambda u: torch.sin(25 * u) / torch.tan(u), 25.0),
}
POLES = {
    "1/u": lambda u: 1 / u,
    "1/u^2": lambda u: 1 / u**2,
    "1/sqrt(u)": lambda u: u.rsqrt(),
    "beside a large number": lambda u: 1e4 + u.rsqrt(),
    "beside a large number of the other sign": lambda u: u.rsqrt() - 1e4,
    "small": lambda u: 1e-3 / u,
    "log": lambda u: -u.log(),
    "log beside a number": lambda u: 50 - u.log(),
}


def at_stop(function):
    return lambda u: function(1 - u)


@pytest.mark.fault(35)
@pytest.mark.parametrize("name", SMOOTH)
def test_a_removable_singularity_is_removed(name: str) -> None:
    function, limit = SMOOTH[name]
    # Six nodes 2^-10 apart: their sixth differences, and 63 times the rounding of the values.
    for of, end in ((function, 0), (at_stop(function), 1)):
        found = end_limits(lambda u, of=of, end=end: torch.where(u.eq(end), torch.nan, of(u)), ENDS)[end]
        assert abs(float(found) - limit) < 1e-9 * max(1.0, abs(limit))


@pytest.mark.fault(35)
@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("name", POLES)
def test_a_pole_is_infinite_with_the_sign_found_inside(name: str, sign: int) -> None:
    for of, end in ((POLES[name], 0), (at_stop(POLES[name]), 1)):
        found = end_limits(lambda u, of=of, end=end: sign * of(u) * torch.where(u.eq(end), torch.nan, 1.0), ENDS)
        assert float(found[end]) == sign * INF
        assert math.isfinite(float(found[1 - end]))


def test_a_square_root_is_bounded() -> None:
    """Its limit is only found to the root of the spacing of the nodes: 0.3 times their first, 2^-10."""
    found = end_limits(lambda u: torch.where(u.eq(0), torch.nan, 2 + u.sqrt()), ENDS)
    assert abs(float(found[0]) - 2) < 0.4 * 2.0**-5


def test_values_that_are_there_are_kept() -> None:
    values = end_limits(lambda u: torch.where(u < 0.5, 7.0 + u * (u > 0), u), torch.tensor([0.0, 0.25, 1.0]).double())
    assert values.tolist() == [7.0, 7.25, 1.0]
    # Inside, what is not finite stays so: only ends have limits.
    inside = end_limits(lambda u: 1 / (u - 0.5), torch.tensor([0.0, 0.5]).double())
    assert inside.tolist() == [-2.0, INF]


def test_functions_computed_together_are_judged_one_by_one() -> None:
    values = end_limits(lambda u: torch.stack([1 / u, torch.sin(u) / u, -u.rsqrt(), 2 - u], -1), ENDS)
    assert values.shape == (2, 4)
    assert values[0, [0, 2]].tolist() == [INF, -INF]
    torch.testing.assert_close(values[0, [1, 3]], torch.tensor([1.0, 2.0]).double(), rtol=0, atol=1e-9)
    torch.testing.assert_close(
        values[1], torch.tensor([1.0, math.sin(1), -1.0, 1.0], dtype=torch.float64), rtol=0, atol=1e-15
    )


def test_limits_in_single_precision() -> None:
    found = end_limits(lambda u: torch.stack([torch.sin(u) / u, 1 / u, u / u], -1), torch.zeros(1))
    assert found.dtype == torch.float32
    assert float(found[0, 1]) == INF
    torch.testing.assert_close(found[0, [0, 2]], torch.ones(2), rtol=0, atol=1e-4)


def test_a_margin_keeps_what_has_no_bound_finite() -> None:
    u = torch.tensor([0.0, 0.05, 0.5, 1.0], dtype=torch.float64)
    for asked in (u, u[1:], u[1:2]):
        limits, expected = MarginLimits(lambda v: 1 / v, 0.1), 1 / asked.clamp_min(0.1)
        for _ in range(2):
            torch.testing.assert_close(limits(asked), expected)
    limits = MarginLimits(lambda v: torch.sin(v) / v, 0.1)
    for _ in range(2):
        torch.testing.assert_close(limits(u)[1:], torch.sin(u[1:]) / u[1:], rtol=0, atol=1e-15)
        torch.testing.assert_close(limits(u)[0], torch.ones(()).double(), rtol=0, atol=1e-12)


class Curve(si.Interpolant):
    """``I = (1-t) x0 + t x1 + weight t(1-t)``, weight to be learned."""

    def __init__(self, dtype: torch.dtype = torch.float32) -> None:
        self.weight = torch.tensor(2.0, requires_grad=True, dtype=dtype)

    def value(self, t, x0, x1):
        t = t.reshape(t.shape + (1,) * (x0.ndim - t.ndim))
        return (1 - t) * x0 + t * x1 + self.weight * t * (1 - t)


@pytest.mark.parametrize("mode", ["plain", "no_grad", "inference"])
def test_derivatives_leave_the_mode_of_torch_alone(mode: str) -> None:
    guard = {"plain": torch.enable_grad, "no_grad": torch.no_grad, "inference": torch.inference_mode}[mode]
    weight = torch.tensor(3.0, requires_grad=True)
    with guard():
        t, x0, x1 = torch.linspace(0.1, 0.9, 5), torch.randn(5, 2), torch.randn(5, 2)
        slope, velocity = derivative(lambda s: weight * s * s, t), Curve().velocity(t, x0, x1)
        assert torch.is_grad_enabled() == (mode == "plain")
        assert torch.is_inference_mode_enabled() == (mode == "inference")
    assert slope.requires_grad == velocity.requires_grad == (mode == "plain")
    torch.testing.assert_close(slope.detach(), 6 * t.clone())
    torch.testing.assert_close(velocity.detach(), (x1 - x0 + 2 * (1 - 2 * t[:, None])).clone())


def test_what_is_learned_gets_its_gradient_through_a_derivative() -> None:
    weight = torch.tensor(3.0, requires_grad=True, dtype=torch.float64)
    t = torch.linspace(0, 1, 5, dtype=torch.float64)
    (gradient,) = torch.autograd.grad(derivative(lambda s: weight * s**3, t).sum(), weight)
    torch.testing.assert_close(gradient, (3 * t**2).sum())
    curve = Curve(torch.float64)
    velocity = curve.velocity(t, torch.zeros(5, 1).double(), torch.zeros(5, 1).double())
    (gradient,) = torch.autograd.grad((velocity[:, 0] * t).sum(), curve.weight)
    torch.testing.assert_close(gradient, (t * (1 - 2 * t)).sum())


def test_the_derivative_of_a_constant_is_zero() -> None:
    t = torch.rand(4)
    assert torch.equal(derivative(lambda s: 2.5, t), torch.zeros(4))
    assert torch.equal(derivative(lambda s: torch.tensor(2.5), t), torch.zeros(4))
    assert derivative(lambda s: s * s, torch.tensor(0.5)).shape == ()
