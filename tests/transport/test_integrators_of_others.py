"""Integrators from elsewhere: a stranger's own, and the adapters, on exact fields in both directions."""

from __future__ import annotations

import math

import pytest
import torch

import si_core as si

for plugin in ("si_interpolants", "si_distributions", "si_integrators"):
    pytest.importorskip(plugin)

SPANS = {"forward": (0.0, 1.0), "backward": (1.0, 0.0)}


class Ralston(si.Integrator):
    """A third-order Runge-Kutta method written from the interface alone: it knows start, stop, drift and noise.

    With noise a step is split: half of it comes before the step of the ODE and half after. It prepares nothing and
    hands times over as tensors, as the interface allows.
    """

    stochastic = True

    def __init__(self, steps: int) -> None:
        self.steps = steps

    def solve(self, transport, x, generator=None):
        h, state, evaluations = (transport.stop - transport.start) / self.steps, x, 0
        for k in range(self.steps):
            t = torch.tensor(transport.start + k * h, dtype=torch.float64)
            state = self._kick(transport, float(t), state, h, generator)
            k1 = transport.drift(t, state)
            k2 = transport.drift(t + h / 2, state + h / 2 * k1)
            k3 = transport.drift(t + 3 * h / 4, state + 3 * h / 4 * k2)
            state = state + h / 9 * (2 * k1 + 3 * k2 + 4 * k3)
            state = self._kick(transport, float(t) + h, state, h, generator)
            evaluations += 3
        ends = torch.tensor([transport.start, transport.stop])
        return si.Trajectory(ends, torch.stack([x, state]), evaluations)

    def _kick(self, transport, t, state, h, generator):
        if not transport.stochastic:
            return state
        noise = torch.randn(state.shape, generator=generator, dtype=state.dtype)
        return state + math.sqrt(abs(h) / 2) * transport.noise(min(max(t, 0.0), 1.0)) * noise


def start(n: int = 48) -> torch.Tensor:
    return torch.randn(n, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("span", ["forward", pytest.param("backward", marks=pytest.mark.slow)])
def test_a_strangers_method_profits_from_the_clock(mixtures, span):
    """Order 3 in the clock, and at most 1 in plain time, on fields that are made up from a denoiser."""
    process = mixtures()
    exact = si.exact_fields(process)
    fields = si.FunctionFields(
        process=process,
        interpolant_velocity=exact.interpolant_velocity,
        denoiser=lambda t, x: exact.denoiser(t, x) + 0.2 * torch.tanh(x),
    )

    def final(method, clock):
        # In plain time coefficients have no bound at the ends: there is no transport but with the last ones kept.
        problem = si.Transport(fields, 0.0, *SPANS[span], clock, freeze=clock == "uniform")
        return si.integrate(problem, start(), method).final

    with pytest.raises(si.UsageError, match=r"grow without bound at t = 0 and t = 1[\s\S]*`clock: auto`"):
        si.Transport(fields, 0.0, *SPANS[span], "uniform")

    reference = final(si.build("integrator", "rk4", steps=300), "auto")
    found = {}
    for clock in ("auto", "uniform"):
        errors = [float((final(Ralston(n), clock) - reference).square().mean().sqrt()) for n in (48, 96)]
        found[clock] = (errors[1], math.log2(errors[0] / errors[1]))
    assert found["auto"][1] == pytest.approx(3, abs=0.3)
    assert found["uniform"][1] < 1.1
    assert found["uniform"][0] > 100 * found["auto"][0]


def covers(process, final, end, true_moments):
    """Mean and second moments of samples within five standard errors."""
    mean, covariance = true_moments(process, end)
    centred = final - mean
    second = torch.stack([centred[:, 0] ** 2, centred[:, 0] * centred[:, 1], centred[:, 1] ** 2], 1)
    wanted = torch.stack([covariance[0, 0], covariance[0, 1], covariance[1, 1]])
    for values, truth in ((centred, torch.zeros(2)), (second, wanted)):
        error = values.std(0) / len(values) ** 0.5
        assert bool(((values.mean(0) - truth).abs() < 5 * error).all())


@pytest.mark.parametrize("span", SPANS)
def test_a_strangers_method_solves_the_sde(gaussians, true_moments, span):
    process, generator = gaussians("brownian"), torch.Generator().manual_seed(5)
    (first, _), (begin, end) = ((process.source, process.target)[:: 1 if span == "forward" else -1]), SPANS[span]
    final = si.integrate(
        si.Transport(si.exact_fields(process), 0.6, begin, end),
        first.sample(10_000, generator),
        Ralston(40),
        generator,
        times=[0.5],
    )
    assert final.evaluations == 240, "a method without parts does its steps on every piece"
    covers(process, final.final, end, true_moments)
    covers(process, final.x[1], 0.5, true_moments)


@pytest.mark.parametrize("span", SPANS)
@pytest.mark.parametrize("method", ["dopri5", "bosh3", "rk4", "implicit_adams"])
def test_torchdiffeq(mixtures, method, span):
    pytest.importorskip("si_torchdiffeq")
    fields = si.exact_fields(mixtures())
    transport = si.Transport(fields, 0.0, *SPANS[span])
    options = {"steps": 200} if method in ("rk4", "implicit_adams") else {"rtol": 1e-7, "atol": 1e-7}
    adapter = si.build("integrator", "torchdiffeq", method=method, **options)
    reference = si.integrate(transport, start(), si.build("integrator", "rk4", steps=300))
    solution = si.integrate(transport, start(), adapter, times=[0.5])
    assert solution.t.tolist() == [SPANS[span][0], 0.5, SPANS[span][1]]
    torch.testing.assert_close(solution.final, reference.final, rtol=0, atol=2e-5)
    middle = si.integrate(si.Transport(fields, 0.0, SPANS[span][0], 0.5), start(), adapter).final
    torch.testing.assert_close(solution.x[1], middle, rtol=0, atol=2e-5)
    with pytest.raises(si.UsageError, match="epsilon = 0"):
        si.integrate(si.Transport(fields, 0.5), start(), adapter, torch.Generator())


@pytest.mark.parametrize("span", SPANS)
@pytest.mark.parametrize("method", ["srk", "heun", "euler"])
def test_torchsde(gaussians, true_moments, method, span):
    pytest.importorskip("si_torchsde")
    process, generator = gaussians("brownian"), torch.Generator().manual_seed(6)
    (first, _), (begin, end) = ((process.source, process.target)[:: 1 if span == "forward" else -1]), SPANS[span]
    transport = si.Transport(si.exact_fields(process), 0.6, begin, end)
    steps = 200 if method == "euler" else 40
    adapter = si.build("integrator", "torchsde", method=method, steps=steps)
    # The bias of the euler method at these steps is below one standard error of so many samples.
    x = first.sample(2_000, generator)
    covers(process, si.integrate(transport, x, adapter, generator).final, end, true_moments)


def test_torchsde_without_noise_is_the_ode(gaussians):
    pytest.importorskip("si_torchsde")
    transport = si.Transport(si.exact_fields(gaussians("brownian")), 0.0)
    adapter = si.build("integrator", "torchsde", method="heun", steps=150)
    reference = si.integrate(transport, start(), si.build("integrator", "rk4", steps=100)).final
    torch.testing.assert_close(si.integrate(transport, start(), adapter).final, reference, rtol=0, atol=3e-4)
