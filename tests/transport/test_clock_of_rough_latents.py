"""The clock: what it buys where gamma = sqrt(a t(1-t)), and that nothing is clamped in it.

Between laws of full rank the exact velocity is smooth in t as well, for it depends on gamma through gamma^2 alone. What
is rough in t is its make-up from learned fields, ``b = v + gamma_dot E[z|x]``: gamma_dot is infinite at both ends, and
a network's denoiser does not vanish there. In the clock every coefficient is bounded and smooth.
"""

from __future__ import annotations

import itertools
import math

import pytest
import torch
from torch import Tensor

import si_core as si

for plugin in ("si_interpolants", "si_distributions", "si_integrators", "si_networks"):
    pytest.importorskip(plugin)

GRIDS = (32, 64, 128)


def start(dtype: torch.dtype = torch.float64) -> Tensor:
    return torch.randn(48, 2, dtype=dtype, generator=torch.Generator().manual_seed(0))


def errors(fields: si.Fields, clock: str, reference: Tensor, grids=GRIDS) -> list[float]:
    """Root mean square errors of RK4 at the end of the ODE."""
    found = []
    for steps in grids:
        transport = si.Transport(fields, 0.0, clock=clock, freeze=True)
        final = si.integrate(transport, start(), si.build("integrator", "rk4", steps=steps)).final
        found.append(float((final - reference).square().mean().sqrt()))
    return found


def solved(fields: si.Fields) -> Tensor:
    return si.integrate(si.Transport(fields), start(), si.build("integrator", "rk4", steps=512)).final


def orders(values: list[float]) -> list[float]:
    return [math.log2(a / b) for a, b in itertools.pairwise(values)]


def learned_like(process: si.StochasticInterpolant, slip: float) -> si.Fields:
    """Interpolant velocity and denoiser, the latter with an error that does not vanish at the ends."""
    exact = si.exact_fields(process)
    return si.FunctionFields(
        process=process,
        interpolant_velocity=exact.interpolant_velocity,
        denoiser=lambda t, x: exact.denoiser(t, x) + slip * torch.tanh(x),
    )


@pytest.mark.parametrize("slip", [pytest.param(0.0, marks=pytest.mark.slow), 0.2])
def test_rk4_has_order_4_in_the_clock_and_at_most_1_in_time(mixtures, slip):
    fields = learned_like(mixtures(), slip)
    reference = solved(fields)
    in_clock, in_time = errors(fields, "auto", reference), errors(fields, "uniform", reference)
    assert orders(in_clock)[-1] == pytest.approx(4, abs=0.3)
    assert max(orders(in_time)) < 1.1
    assert in_time[-1] > 1000 * in_clock[-1]


def test_exact_velocities_between_laws_of_full_rank_are_smooth_in_time_too(mixtures):
    fields = si.exact_fields(mixtures())
    reference = solved(fields)
    for clock in ("auto", "uniform"):
        assert orders(errors(fields, clock, reference))[-1] == pytest.approx(4, abs=0.3)


def test_a_concentrated_target_needs_fewer_steps_in_the_clock(mixtures):
    """Near t = 1 the velocity grows like 1/(1-t) until the target's own spread is reached."""
    fields = si.exact_fields(mixtures(spread=1e-3))
    reference = solved(fields)
    in_clock, in_time = errors(fields, "auto", reference), errors(fields, "uniform", reference)
    assert all(slow > 30 * fast for slow, fast in zip(in_time, in_clock, strict=True))


PAIRS = [("velocity", "denoiser"), ("interpolant-velocity", "denoiser")]


def networks(process: si.StochasticInterpolant, pair: tuple[str, ...], precondition: bool) -> si.Fields:
    """Untrained networks: their outputs vanish at neither end."""
    torch.manual_seed(0)
    network = si.build("network", "mlp", shape=(2,), heads=2, width=16, depth=2)
    for parameter in network.parameters():
        parameter.requires_grad_(False).mul_(3)
    parametrisation = si.Parametrisation(process.clock, precondition)
    return si.LearnedFields(process, pair, si.Predictor([network], 2), parametrisation)


def functions(process: si.StochasticInterpolant, pair: tuple[str, ...]) -> si.Fields:
    exact = si.exact_fields(process)
    given = {
        "velocity": lambda t, x: exact.velocity(t, x) + 0.2 * torch.sin(x),
        "interpolant_velocity": lambda t, x: exact.interpolant_velocity(t, x) + 0.2 * torch.sin(x),
        "denoiser": lambda t, x: exact.denoiser(t, x) + 0.2 * torch.tanh(x),
    }
    names = [name.replace("-", "_") for name in pair]
    return si.FunctionFields(process=process, **{name: given[name] for name in names})


@pytest.fixture(params=["networks", "preconditioned networks", "functions"])
def make_fields(request):
    if request.param == "functions":
        return functions
    return lambda process, pair: networks(process, pair, request.param.startswith("preconditioned"))


@pytest.mark.parametrize("span", [(0.0, 1.0), (1.0, 0.0)], ids=["forward", "backward"])
@pytest.mark.parametrize("epsilon", [0.0, 0.5, 3.0])
@pytest.mark.parametrize("pair", PAIRS, ids="+".join)
def test_from_exactly_0_to_exactly_1_in_single_precision_without_a_clamp(mixtures, make_fields, pair, epsilon, span):
    process = mixtures(dtype="float32")
    transport = si.Transport(make_fields(process, pair), epsilon, *span)
    assert transport.flow.unbounded == (False, False)
    assert (transport.start, transport.stop) == span
    x, generator = start(torch.float32), torch.Generator().manual_seed(1)
    for end in span:
        assert bool(torch.isfinite(transport.drift(end, x)).all())
    solution = si.integrate(transport, x, si.build("integrator", "stochastic-heun", steps=20), generator)
    assert solution.t.tolist() == list(span)
    assert solution.final.dtype == torch.float32
    assert bool(torch.isfinite(solution.final).all())


@pytest.mark.parametrize("pair", PAIRS, ids="+".join)
@pytest.mark.parametrize("epsilon", [0.0, 0.5])
def test_the_drift_is_continuous_up_to_the_ends(mixtures, make_fields, pair, epsilon):
    """No freezing and no jump: the drift at the end is the limit of the drift inside."""
    transport = si.Transport(make_fields(mixtures(), pair), epsilon)
    x = start()
    if transport.fields.process and isinstance(transport.fields, si.LearnedFields):
        transport.fields.predictor.double()
    for end, sign in ((0.0, 1), (1.0, -1)):
        jumps = [
            float((transport.drift(end + sign * h, x) - transport.drift(end, x)).abs().max()) for h in (2e-3, 1e-3)
        ]
        assert jumps[1] < 0.1
        assert jumps[1] < 0.6 * jumps[0]


@pytest.mark.parametrize("pair", PAIRS, ids="+".join)
def test_in_plain_time_the_same_fields_are_frozen_near_the_ends_and_say_so(mixtures, pair):
    transport = si.Transport(networks(mixtures(), pair, False), 0.5, clock="uniform", freeze=True)
    assert transport.flow.unbounded == (True, True)


@pytest.mark.parametrize(
    ("clock", "unbounded"),
    [
        (si.SineClock(), (False, False)),
        (si.SineClock(start=False), (True, False)),
        (si.SineClock(stop=False), (False, True)),
        (si.UniformClock(), (True, True)),
    ],
    ids=repr,
)
@pytest.mark.parametrize("pair", PAIRS, ids="+".join)
def test_they_are_frozen_at_the_ends_where_the_clock_is_of_lower_order_than_the_process(
    mixtures, pair, clock, unbounded
):
    """An SDE has ``1/gamma`` of the denoiser: bounded per unit of a clock of order 2, and of none of order 1."""
    transport = si.Transport(networks(mixtures(), pair, False), 0.5, clock=clock, freeze=True)
    assert transport.clock is clock
    assert transport.flow.unbounded == unbounded
    x = start(torch.float32)
    for end in (0.0, 1.0):
        assert bool(torch.isfinite(transport.drift(end, x)).all())


@pytest.mark.parametrize("epsilon", [0.0, 0.5])
def test_both_clocks_reach_the_same_law(gaussians, true_moments, carried_moments, epsilon):
    """In the limit of many steps the choice of clock does not show."""
    process = gaussians("brownian")
    method = si.build("integrator", "stochastic-heun" if epsilon else "rk4", steps=256)
    initial = true_moments(process, 0.0)
    found = [
        carried_moments(si.Transport(si.exact_fields(process), epsilon, clock=clock), method, initial)
        for clock in ("auto", "uniform", si.SineClock(start=False))
    ]
    for mean, covariance in found[1:]:
        torch.testing.assert_close(mean, found[0][0], rtol=0, atol=3e-4)
        torch.testing.assert_close(covariance, found[0][1], rtol=0, atol=3e-4)
