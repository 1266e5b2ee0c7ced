"""The fitted clock: right as a map, equal errors at each step, gentle where there is nothing to gain."""

from __future__ import annotations

import itertools
import json
import math
import pickle
from itertools import pairwise

import pytest
import torch

import si_core as si
from si_authoring.testing import ClockConformance
from si_integrators.fitted import Fitted, fit
from si_integrators.placement import LONGEST
from si_integrators.smooth_map import SmoothMap

OWN = {
    "uniform": si.UniformClock(),
    "sine": si.SineClock(),
    "early": si.SineClock(stop=False),
    "late": si.SineClock(start=False),
}
COEFFICIENTS = [[0.3, -0.4, 0.2, 0.1], [-2.5, 0.0, 1.0], [0.0]]


def rng(seed=0):
    return torch.Generator().manual_seed(seed)


def grid(count=257):
    return torch.linspace(0, 1, count, dtype=torch.float64)


class TestFitted(ClockConformance):
    # The map does not know in which clock it is: all coefficients in one clock, one of them in the others.
    @pytest.fixture(
        params=[
            ("sine", None),
            *(
                pytest.param((own, c), marks=[pytest.mark.slow] * (own != "sine" and c is not COEFFICIENTS[0]))
                for own, c in itertools.product(OWN, COEFFICIENTS)
            ),
        ],
        ids=str,
    )
    def component(self, request):
        own, coefficients = request.param
        return si.build("clock", "fitted", own=OWN[own], coefficients=coefficients)


@pytest.mark.parametrize("size", [1.0, 4.0, 8.0])
def test_maps_are_right_to_rounding_up_to_the_largest_coefficients(size):
    """The quadrature has no error of its own."""
    for k in range(12):
        c = torch.randn(5, generator=rng(k), dtype=torch.float64)
        found = SmoothMap((c * (size / c.abs().sum() * (1 - 1e-12))).tolist())
        u = grid(65)
        v = found.value(u)
        assert (float(v[0]), float(v[-1])) == (0.0, 1.0)
        heights = found.derivative(u[:-1].unsqueeze(-1) + grid(1025) / 64)
        # Simpson's rule with h = 2^-16 is off by h^4/180 times the change of the third derivative, below 1e-14 here.
        integrals = (4 * heights[:, 1::2].sum(-1) + 2 * heights[:, ::2].sum(-1) - heights[:, 0] - heights[:, -1]) / 3
        torch.testing.assert_close(v.diff(), integrals / 64 / 1024, rtol=0, atol=1e-13)
        torch.testing.assert_close(found.inverse(v), u, rtol=0, atol=1e-13 / float(found.derivative(u).min()))
        tiny = torch.tensor([1e-12, 1e-300], dtype=torch.float64)
        torch.testing.assert_close(found.value(tiny), tiny * found.derivative(tiny), rtol=1e-10, atol=0)
        torch.testing.assert_close(found.inverse(found.value(tiny)), tiny, rtol=1e-10, atol=0)


@pytest.mark.parametrize("coefficients", [[9.0], [4.0, -4.1], [math.nan], [math.inf]])
def test_maps_that_are_too_steep_are_refused(coefficients):
    with pytest.raises(si.UsageError, match="8 at most"):
        SmoothMap(coefficients)


def test_it_is_refused_in_another_clock_than_it_was_fitted_in():
    Fitted(si.SineClock(), [0.1], [2, 2])
    with pytest.raises(si.UsageError, match="another clock than the process's own"):
        Fitted(si.UniformClock(), [0.1], [2, 2])


def test_before_it_is_fitted_it_is_the_own_clock():
    clock, u = Fitted(si.SineClock()), grid()
    for name in ("time", "rate", "position"):
        assert torch.equal(getattr(clock, name)(u), getattr(si.SineClock(), name)(u))
    assert clock.orders == (2, 2)


def test_clocks_of_other_coefficients_are_others():
    first, second = Fitted(si.SineClock(), [0.1, 0.2]), Fitted(si.SineClock(), [0.1, 0.2001])
    assert first != second
    assert first == pickle.loads(pickle.dumps(first)) == Fitted(si.SineClock(), [0.1, 0.2])
    assert Fitted(si.UniformClock(), [0.1]) != Fitted(si.SineClock(), [0.1])


def steps_in_own_clock(coefficients, count):
    return SmoothMap(coefficients).value(grid(count + 1)).diff() * count


@pytest.mark.parametrize("rate", [-3.0, 3.0, 1.0])
def test_steps_are_where_a_closed_form_says(problem, rate):
    """``x' = exp(a t)`` has third derivative ``a^2 exp(a t)``: steps of order >= 2 are as ``exp(-a t/3)``, for any a.

    So ``dv/du`` is ``1/density`` with a quarter of the uniform density in it (``LONGEST``); the fit of its logarithm by
    degree 4 is off by a thousandth for ``|a|/3 <= 1``.
    """
    b = rate / 3

    def drift(t, x):
        return torch.full_like(x, math.exp(rate * t))

    found = fit(problem(drift), torch.zeros(4, 2, dtype=torch.float64), order=2)
    v = grid()
    density = 0.75 * b * torch.exp(b * v) / (math.exp(b) - 1) + 0.25
    u = 0.75 * (torch.exp(b * v) - 1) / (math.exp(b) - 1) + 0.25 * v
    torch.testing.assert_close(SmoothMap(found).derivative(u), 1 / density, rtol=5e-3, atol=0)


def test_backward_it_is_the_same_map(problem):
    """Of ``x' = f(t)`` errors do not depend on the direction."""

    def drift(t, x):
        return torch.full_like(x, 1 / (1.02 - t))

    x = torch.zeros(3, 2, dtype=torch.float64)
    forward, backward = fit(problem(drift), x, 4), fit(problem(drift, None, 1.0, 0.0), x, 4)
    torch.testing.assert_close(torch.tensor(forward), torch.tensor(backward), rtol=0, atol=1e-6)
    assert float(steps_in_own_clock(forward, 64)[-1]) < 0.3 < 1.2 < float(steps_in_own_clock(forward, 64)[0])


def test_outside_of_the_span_the_error_is_taken_to_be_constant(problem):
    def drift(t, x):
        return torch.full_like(x, math.exp(3 * t))

    x = torch.zeros(3, 2, dtype=torch.float64)
    whole, part = fit(problem(drift), x, 2), fit(problem(drift, None, 0.3, 0.7), x, 2)
    derivatives = [
        SmoothMap(c).derivative(SmoothMap(c).inverse(torch.tensor([0.3, 0.7], dtype=torch.float64)))
        for c in (whole, part)
    ]
    ratios = [float(s[1] / s[0]) for s in derivatives]
    # A step at 0.7 beside one at 0.3 is exp(-0.4) but for the quarter of the uniform density.
    assert ratios[1] == pytest.approx(ratios[0], abs=0.05)
    assert float(SmoothMap(part).derivative(torch.ones((), dtype=torch.float64))) > float(
        SmoothMap(whole).derivative(torch.ones((), dtype=torch.float64))
    )


def test_nothing_to_measure_is_the_own_clock(problem):
    assert fit(problem(lambda t, x: torch.zeros_like(x)), torch.zeros(3, 2), 4) == [0.0] * 4


@pytest.mark.parametrize("noise", [None, lambda t: 0.3], ids=["ode", "sde"])
@pytest.mark.parametrize("width", [1e-4, 1e-2])
def test_no_step_is_longer_than_allowed_whatever_the_drift(problem, width, noise):
    """A drift that jumps, where fits overshoot; numbers that are not finite count as large errors."""

    def drift(t, x):
        return 50 * torch.tanh(torch.as_tensor((t - 0.97) / width)) * torch.cos(40 * x) + x.pow(3) * 1e3

    found = fit(problem(drift, noise), torch.randn(20, 2, generator=rng()), 4, rng(1))
    assert all(math.isfinite(c) for c in found)
    assert float(steps_in_own_clock(found, 1000).max()) <= LONGEST * (1 + 1e-6)


def mixture(width, latent="none"):
    law = {"weights": [0.5, 0.2, 0.3], "means": [[2.0, 1.0], [-1.5, 1.5], [0.0, -2.0]], "covariances": width**2}
    target = si.build("distribution", "gaussian-mixture", **law, dtype="float64")
    source = si.build("distribution", "gaussian", dim=2, dtype="float64")
    parts = si.build("interpolant", "linear"), si.build("latent", latent), si.build("coupling", "independent")
    return si.StochasticInterpolant(*parts, source, target)


def sampled(process, method, **options):
    clock = si.build("clock", "fitted", own=process.clock)
    return si.Model(process, si.exact_fields(process), si.build("integrator", method), clock=clock, **options)


@pytest.mark.parametrize("latent", ["none", "brownian"])
@pytest.mark.parametrize("direction", [(0.0, 1.0), (1.0, 0.0)], ids=["forward", "backward"])
def test_it_goes_through_json_and_depends_on_the_problem(latent, direction):
    pytest.importorskip("si_interpolants")
    process = mixture(0.1, latent)
    start, stop = direction
    level = 0.5 if latent == "brownian" else 0.0
    model = sampled(process, "stochastic-heun", start=start, stop=stop, epsilon=level)
    options = json.loads(json.dumps(model.clock.fitted(model, seed=3)))
    assert options == model.clock.fitted(model, seed=3)
    assert options["orders"] == list(process.clock.orders)
    clock = si.build("clock", "fitted", own=process.clock, **options)
    assert clock.fitted(model.with_sampler(clock=clock), seed=3) is None
    other = sampled(process, "stochastic-heun", start=stop, stop=start, epsilon=level)
    assert options != other.clock.fitted(other, seed=3)


def error(process, clock, method, steps, x, end):
    transport = si.Transport(si.exact_fields(process), clock=clock)
    with torch.no_grad():
        found = si.build("integrator", method, steps=steps).solve(transport, x).final
    return float((found - end).square().sum(1).mean().sqrt())


@pytest.mark.parametrize("latent", ["none", "brownian"])
def test_rk4_keeps_its_order_and_errs_less_than_in_the_own_clock(latent):
    pytest.importorskip("si_interpolants")
    process = mixture(0.05, latent)
    model = sampled(process, "rk4")
    clock = si.build("clock", "fitted", own=process.clock, **model.clock.fitted(model, seed=0))
    x = process.source.sample(100, rng(1))
    with torch.no_grad():
        end = si.build("integrator", "dopri5", rtol=1e-11, atol=1e-11).solve(si.Transport(model.fields), x).final
    errors = [error(process, clock, "rk4", steps, x, end) for steps in (64, 128)]
    assert math.log2(errors[0] / errors[1]) > 3.5
    # The table of si-interpolants has 3 to 10 times less at this many steps.
    assert errors[0] < 0.7 * error(process, process.clock, "rk4", 64, x, end)


def test_equal_steps_make_more_equal_errors():
    """The local errors of Heun's method, each step against a fine solution, spread less than in the own clock."""
    pytest.importorskip("si_interpolants")
    process = mixture(0.1)
    model = sampled(process, "heun")
    clock = si.build("clock", "fitted", own=process.clock, **model.clock.fitted(model, seed=0))

    def spread(clock):
        transport = si.Transport(model.fields, clock=clock)
        x, errors = process.source.sample(100, rng(1)), []
        for r, t in pairwise(clock.time(grid(33)).tolist()):
            piece = transport.part(r, t)
            rough = si.build("integrator", "heun", steps=1).solve(piece, x).final
            x = si.build("integrator", "rk4", steps=8).solve(piece, x).final
            errors.append((rough - x).square().sum(1).mean().sqrt())
        return float(torch.stack(errors).log().std())

    with torch.no_grad():
        assert spread(clock) < 0.7 * spread(process.clock)
