"""The entry point of integration: its checks and messages, its times, its trajectories."""

from __future__ import annotations

import itertools
import math
import re

import pytest
import torch

import si_core as si

for plugin in ("si_interpolants", "si_distributions", "si_integrators"):
    pytest.importorskip(plugin)


def states(n: int = 5, dtype: torch.dtype = torch.float64) -> torch.Tensor:
    return torch.randn(n, 2, dtype=dtype, generator=torch.Generator().manual_seed(0))


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


RK4 = si.build("integrator", "rk4", steps=8)
HEUN = si.build("integrator", "stochastic-heun", steps=8)


@pytest.fixture
def fields(mixtures) -> si.Fields:
    return si.exact_fields(mixtures())


def refused(kind, call, *words):
    with pytest.raises(kind) as caught:
        call()
    for word in words:
        assert re.search(word, str(caught.value)), f"{word!r} is not in: {caught.value}"


def test_an_ode_method_refuses_noise(fields):
    for integrator in (RK4, si.build("integrator", "euler")):
        refused(
            si.UsageError,
            lambda method=integrator: si.integrate(si.Transport(fields, 0.5), states(), method, seeded()),
            type(integrator).__name__,
            r"epsilon = 0\.5",
            "stochastic-heun",
        )


def test_an_sde_needs_a_generator(fields):
    refused(si.UsageError, lambda: si.integrate(si.Transport(fields, 0.5), states(), HEUN), "source of noise", "seed")


def test_a_method_for_sdes_solves_odes_without_a_generator(fields):
    """stochastic-heun without noise is Heun's method."""
    transport = si.Transport(fields)
    same = si.integrate(transport, states(), si.build("integrator", "heun", steps=8)).final
    assert torch.equal(si.integrate(transport, states(), HEUN).final, same)


@pytest.mark.parametrize("wrong", [torch.ones(3, 2, dtype=torch.int64), torch.ones(3, 2).cfloat(), torch.tensor(1.0)])
def test_states_are_rows_of_real_numbers(fields, wrong):
    refused(
        si.UsageError, lambda: si.integrate(si.Transport(fields), wrong, RK4), "batch of floating-point rows", "dtype"
    )


@pytest.mark.fault(34)
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_raised_to_single(mixtures, dtype, caplog):
    fields, x = si.exact_fields(mixtures()), states(dtype=dtype)
    solution = si.integrate(si.Transport(fields), x, RK4)
    assert f"states of {dtype} are integrated in torch.float32" in caplog.text
    assert solution.x.dtype == solution.t.dtype == torch.float32
    assert torch.equal(solution.final, si.integrate(si.Transport(fields), x.float(), RK4).final)
    assert x.dtype == dtype


TIMES_OUT_OF_ORDER = [
    [0.5, 0.2],
    [0.5, 0.5],
    [-0.1],
    [1.5],
    [math.nan],
    [1.0, 0.5],
    [0.5, 0.0],
    [0.0, 0.0, 0.5],
    [0.2, math.inf],
]


@pytest.mark.fault(35)
@pytest.mark.parametrize("times", TIMES_OUT_OF_ORDER)
@pytest.mark.parametrize("span", [(0.0, 1.0), (1.0, 0.0)])
def test_times_out_of_order(fields, times, span):
    times = times if span[0] == 0 else [1 - time for time in times]
    transport = si.Transport(fields, 0.0, *span)
    refused(si.UsageError, lambda: si.integrate(transport, states(), RK4, times=times), "times must run", "got", "from")


@pytest.mark.fault(35)
def test_times_outside_of_a_shorter_span(fields):
    transport = si.Transport(fields, 0.0, 0.2, 0.6)
    refused(si.UsageError, lambda: si.integrate(transport, states(), RK4, times=[0.7]), r"from 0\.2 to 0\.6")


@pytest.mark.fault(35)
@pytest.mark.parametrize("ends", [{"start": -0.1}, {"stop": 1.1}, {"start": math.nan}, {"start": 0.5, "stop": 0.5}])
def test_spans_that_are_none(fields, ends):
    refused(si.UsageError, lambda: si.Transport(fields, **ends), "transport", "got")


@pytest.mark.parametrize("epsilon", [-1.0, math.nan, math.inf])
def test_levels_that_are_none(fields, epsilon):
    refused(si.UsageError, lambda: si.Transport(fields, epsilon), "noise level", ">= 0")


@pytest.mark.parametrize("clock", ["sine", 3, SyntaxError])
def test_clocks_that_are_none(fields, clock):
    refused(si.UsageError, lambda: si.Transport(fields, clock=clock), "unknown clock", "uniform")


@pytest.mark.fault(33)
def test_a_solution_that_is_not_finite_names_the_first_such_row():
    def explode(t, x):
        return torch.where(x > 0, 1e200 * x**3, torch.zeros_like(x))

    x = torch.tensor([[-1.0], [-2.0], [1.0], [2.0]], dtype=torch.float64)
    transport = si.Transport(si.FunctionFields(velocity=explode))
    refused(
        si.NumericsError,
        lambda: si.integrate(transport, x, si.build("integrator", "euler", steps=5)),
        "2 of 4 states",
        "state 2",
        "t = 1",
        "more steps",
    )
    assert bool(torch.isfinite(si.integrate(transport, x[:2], si.build("integrator", "euler", steps=5)).final).all())


def test_a_solution_whose_sum_overflows_is_finite():
    x = torch.full((4, 2), 1e308, dtype=torch.float64)
    transport = si.Transport(si.FunctionFields(velocity=lambda t, x: torch.zeros_like(x)))
    assert torch.equal(si.integrate(transport, x, si.build("integrator", "euler", steps=8)).final, x)


@pytest.mark.parametrize("span", [(0.0, 1.0), (1.0, 0.0), (0.1, 0.7)])
@pytest.mark.parametrize("epsilon", [0.0, 0.5])
def test_ends_are_exact_and_the_first_state_is_the_given_one(fields, epsilon, span):
    x = states()
    solution = si.integrate(si.Transport(fields, epsilon, *span), x, HEUN, seeded())
    assert solution.t.tolist() == list(span)
    assert solution.x.shape == (2, 5, 2)
    assert torch.equal(solution.x[0], x)
    assert solution.evaluations == 16
    assert torch.equal(x, states())


@pytest.mark.parametrize("event", [(), (3,), (1, 2, 2)])
def test_any_event_shape(event):
    transport = si.Transport(si.FunctionFields(velocity=lambda t, x: -x, score=lambda t, x: -x), 0.3)
    solution = si.integrate(transport, torch.ones(4, *event), HEUN, seeded(), times=[0.5])
    assert solution.x.shape == (3, 4, *event)


def grid_times(transport: si.Transport, steps: int, every: int) -> list[float]:
    """Times t of every so many grid points of the integrator."""
    u = torch.linspace(transport.start, transport.stop, steps + 1, dtype=torch.float64)[every:-1:every]
    return transport.times(u).tolist()


@pytest.mark.parametrize("span", [(0.0, 1.0), (1.0, 0.0)])
@pytest.mark.parametrize("epsilon", [0.0, 0.5])
@pytest.mark.parametrize("latent", ["brownian", "quadratic"])
def test_times_on_the_grid_split_the_same_solution(mixtures, latent, epsilon, span):
    """The same steps with the same noise, cut in pieces: equal up to the rounding of the clock's inverse."""
    transport = si.Transport(si.exact_fields(mixtures(latent)), epsilon, *span)
    method = si.build("integrator", "stochastic-heun", steps=24)
    whole = si.integrate(transport, states(), method, seeded(3))
    times = grid_times(transport, 24, 6)
    split = si.integrate(transport, states(), method, seeded(3), times=times)
    assert split.t.tolist() == [span[0], *times, span[1]]
    assert split.x.shape == (5, 5, 2)
    assert split.evaluations == whole.evaluations == 48
    torch.testing.assert_close(split.final, whole.final, rtol=1e-10, atol=1e-10)
    inner = [split.x[k] for k in range(1, 4)]
    assert all(float((a - b).abs().max()) > 1e-2 for a, b in itertools.pairwise([states(), *inner, split.final]))


def test_states_between_are_those_of_the_law(gaussians, true_moments, carried_moments):
    """With ``times`` the states kept have the law of x_t in time t, not in the clock."""
    process = gaussians("brownian")
    transport = si.Transport(si.exact_fields(process))
    basis = torch.cat([torch.zeros(1, 2), torch.eye(2)]).double()
    solution = si.integrate(transport, basis, si.build("integrator", "rk4", steps=64), times=[0.1, 0.5, 0.9])
    mean, covariance = true_moments(process, 0.0)
    for t, x in zip(solution.t.tolist(), solution.x, strict=True):
        slope = (x[1:] - x[0]).T
        wanted = true_moments(process, t)
        torch.testing.assert_close(slope @ mean + x[0], wanted[0], rtol=0, atol=1e-6)
        torch.testing.assert_close(slope @ covariance @ slope.T, wanted[1], rtol=0, atol=1e-6)


def test_the_ends_among_the_times_change_nothing(fields):
    transport = si.Transport(fields)
    inner = si.integrate(transport, states(), RK4, times=[0.5])
    for times in ([0.0, 0.5], [0.5, 1.0], [0.0, 0.5, 1.0], torch.tensor([0.0, 0.5, 1.0])):
        again = si.integrate(transport, states(), RK4, times=times)
        assert again.t.tolist() == [0.0, 0.5, 1.0]
        assert torch.equal(again.x, inner.x)
    for times in ([], [0.0], [1.0], [0.0, 1.0]):
        assert si.integrate(transport, states(), RK4, times=times).t.tolist() == [0.0, 1.0]


def test_a_trajectory_of_an_integrator_with_its_own_grid_is_in_time(fields):
    """An integrator's times are in the clock; the entry point hands them on as t, and leaves the integrator's alone."""

    class Dense(si.Integrator):
        own = torch.linspace(0, 1, 5, dtype=torch.float64)

        def solve(self, transport, x, generator=None):
            return si.Trajectory(self.own, torch.stack([x] * 5), 0)

    t = si.integrate(si.Transport(fields), states(), Dense()).t
    torch.testing.assert_close(t, torch.sin(math.pi / 2 * torch.linspace(0, 1, 5, dtype=torch.float64)) ** 2)
    assert t.tolist()[0] == 0.0
    assert t.tolist()[-1] == 1.0
    before = Dense.own.clone()
    plain = si.integrate(si.Transport(fields, 0.0, 0.0, 0.5, "uniform"), states(), Dense()).t
    assert plain.tolist()[-1] == 0.5
    assert torch.equal(Dense.own, before)


@pytest.mark.parametrize("epsilon", [0.0, 0.5])
def test_parts_of_a_transport_are_the_transport(fields, epsilon):
    whole = si.Transport(fields, epsilon, 0.9, 0.1)
    part = whole.part(0.7, 0.4)
    fresh = si.Transport(fields, epsilon, 0.7, 0.4)
    assert part.span == (0.7, 0.4)
    assert (part.start, part.stop, part.stochastic) == (fresh.start, fresh.stop, fresh.stochastic)
    assert whole.span == (0.9, 0.1)
    solutions = [si.integrate(each, states(), HEUN, seeded()).final for each in (part, fresh)]
    assert torch.equal(*solutions)
    assert part.flow is whole.flow, "scalars are computed once"


@pytest.mark.parametrize("times", [(0.2, 0.6), (0.95, 0.5), (0.5, 0.05), (0.5, 0.5), (math.nan, 0.5)])
def test_a_part_runs_within_the_span_and_its_way(fields, times):
    refused(si.UsageError, lambda: si.Transport(fields, 0.5, 0.9, 0.1).part(*times), "runs its way", r"from 0\.9 to 0")


def test_epsilon_as_a_number_a_function_and_a_schedule(fields):
    """The same level in three forms gives the same solution, bit for bit; a function is asked about times t."""
    asked = []

    def level(t):
        asked.append(t)
        return 0.7 * (1 - t)

    forms = (level, si.build("diffusion", "linear-decay", scale=0.7))
    transports = [si.Transport(fields, form) for form in forms]
    finals = [si.integrate(transport, states(), HEUN, seeded()).final for transport in transports]
    torch.testing.assert_close(*finals, rtol=1e-12, atol=1e-12)
    times = torch.cat(asked)
    assert float(times.min()) >= 0
    assert float(times.max()) <= 1
    constant = [si.Transport(fields, form) for form in (0.4, lambda t: 0.4, lambda t: torch.full_like(t, 0.4))]
    finals = [si.integrate(transport, states(), HEUN, seeded()).final for transport in constant]
    assert torch.equal(finals[0], finals[1])
    assert torch.equal(finals[0], finals[2])


def test_noise_is_per_unit_of_clock(fields):
    """``noise^2 = 2 epsilon dt/du`` and the drift is ``dt/du`` times that in time, at any position."""
    clocked, plain = si.Transport(fields, 0.4), si.Transport(fields, 0.4, clock="uniform")
    for u in (0.1, 0.35, 0.8):
        t = math.sin(math.pi * u / 2) ** 2
        rate = math.pi / 2 * math.sin(math.pi * u)
        assert clocked.noise(u) == pytest.approx(math.sqrt(0.8 * rate))
        assert plain.noise(t) == pytest.approx(math.sqrt(0.8))
        x = states()
        torch.testing.assert_close(clocked.drift(u, x), rate * plain.drift(t, x), rtol=1e-9, atol=1e-9)
        wanted = fields.velocity(t, x) + 0.4 * fields.score(t, x)
        torch.testing.assert_close(plain.drift(t, x), wanted, rtol=1e-9, atol=1e-9)
        torch.testing.assert_close(
            si.Transport(fields, 0.4, 1.0, 0.0, "uniform").drift(t, x), fields.backward_drift(t, x, 0.4)
        )


def test_functions_without_a_process():
    """A user's own model: an Ornstein-Uhlenbeck process, ``dX = -X dt``, with its stationary score."""
    fields = si.FunctionFields(velocity=lambda t, x: -2 * x, score=lambda t, x: -x)
    x = states()
    solution = si.integrate(si.Transport(fields), x, si.build("integrator", "rk4", steps=20), times=[0.5])
    torch.testing.assert_close(solution.final, math.exp(-2) * x, rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(solution.x[1], math.exp(-1) * x, rtol=1e-5, atol=1e-6)
    back = si.integrate(si.Transport(fields, 0.0, 1.0, 0.0), solution.final, si.build("integrator", "rk4", steps=20))
    torch.testing.assert_close(back.final, x, rtol=1e-5, atol=1e-6)
    assert si.Transport(fields, 0.5).clock == si.UniformClock()
    torch.testing.assert_close(si.Transport(fields, 0.5).drift(0.3, x), -2.5 * x)
    torch.testing.assert_close(si.Transport(fields, 0.5, 1.0, 0.0).drift(0.3, x), -1.5 * x)


def test_functions_without_a_process_say_what_they_lack():
    alone = si.FunctionFields(velocity=lambda t, x: -x)
    refused(si.UsageError, lambda: si.Transport(alone, 0.5), "without a process", "velocity", "missing")
    refused(si.UsageError, lambda: alone.score(0.5, states()), "without a process")
    refused(
        si.UsageError,
        lambda: si.Transport(
            si.FunctionFields(velocity=lambda t, x: -x, score=lambda t, x: -x), si.build("diffusion", "gamma")
        ),
        "gamma",
    )
    refused(si.UsageError, lambda: si.FunctionFields(), "needs a function")
    refused(si.UsageError, lambda: si.FunctionFields(speed=lambda t, x: x), "unknown field", "velocity, score")


def test_gradients_flow_through_the_door(fields):
    x = states(3).requires_grad_()
    for epsilon in (0.0, 0.3):

        def final(y, level=epsilon):
            return si.integrate(si.Transport(fields, level), y, si.build("integrator", "heun", steps=3)).final

        def noisy(y, level=epsilon):
            method = si.build("integrator", "stochastic-heun", steps=3)
            return si.integrate(si.Transport(fields, level), y, method, seeded()).final

        assert torch.autograd.gradcheck(noisy if epsilon else final, x)


def test_a_transport_can_be_used_within_and_outside_of_inference_mode(fields):
    transport = si.Transport(fields)
    with torch.inference_mode():
        inside = si.integrate(transport, states(), RK4).final
    x = states().requires_grad_()
    outside = si.integrate(transport, x, RK4).final
    (gradient,) = torch.autograd.grad(outside.sum(), x)
    torch.testing.assert_close(outside.detach(), inside.clone())
    assert bool(torch.isfinite(gradient).all())
