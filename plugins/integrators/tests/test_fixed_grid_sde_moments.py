"""SDE methods: weak order and stationary moments, without Monte Carlo error.

On a linear SDE the final state is ``A x0 + c + sum_k B_k w_k`` with the noise w_k of step k. A batch in which row k has
w_k = 1 and no other noise gives every B_k in one run, and with them the exact law of the numerical solution:
``mean = A m0 + c``, ``variance = A^2 v0 + sum_k B_k^2``.
"""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy.integrate import solve_ivp

from si_integrators.edm_heun import EDMHeun
from si_integrators.euler_maruyama import EulerMaruyama
from si_integrators.stochastic_heun import StochasticHeun

METHODS = [EulerMaruyama, StochasticHeun, EDMHeun]
GRIDS = (16, 32, 64, 128)


def moments(monkeypatch, integrator, problem, mean: float, variance: float) -> tuple[float, float]:
    """Mean and variance of the numerical solution of a linear problem from N(mean, variance)."""
    steps = integrator.steps
    drawn = []

    def unit_noise(buffer, generator=None):
        buffer.zero_()
        buffer[2 + len(drawn)] = 1
        drawn.append(generator)
        return buffer

    x = torch.zeros(steps + 2, dtype=torch.float64)
    x[1] = 1
    with monkeypatch.context() as patch:
        patch.setattr(torch.Tensor, "normal_", unit_noise)
        final = integrator.solve(problem, x, torch.Generator()).final
    assert len(drawn) == steps, "one draw a step"
    shift, slope, response = final[0], final[1] - final[0], final[2:] - final[0]
    return float(slope * mean + shift), float(slope**2 * variance + (response**2).sum())


def exact_moments(rate, level, noise, start, stop, mean, variance) -> tuple[float, float]:
    """Moments of ``dX = -rate(t) (X - level(t)) dt + noise(t) dW`` at stop, in either direction of time."""
    sign = math.copysign(1.0, stop - start)

    def slope(t, y):
        return [-rate(t) * (y[0] - level(t)), -2 * rate(t) * y[1] + sign * noise(t) ** 2]

    end = solve_ivp(slope, (start, stop), [mean, variance], method="DOP853", rtol=1e-12, atol=1e-13).y[:, -1]
    return float(end[0]), float(end[1])


def fitted_order(errors) -> float:
    return -float(np.polyfit(np.log(GRIDS), np.log(errors), 1)[0])


NOISES = {
    "constant": lambda t: 0.9,
    "varying": lambda t: 0.4 + t,
    "vanishing": lambda t: math.sqrt(max(0.0, math.pi * math.sin(math.pi * t))),
}


@pytest.mark.parametrize("span", [(0.0, 1.0), (1.0, 0.0)], ids=["forward", "backward"])
@pytest.mark.parametrize("noise", NOISES)
@pytest.mark.parametrize("method", METHODS)
def test_weak_order_on_a_time_dependent_ornstein_uhlenbeck_process(monkeypatch, problem, method, noise, span):
    start, stop = span
    forward = 1.0 if stop > start else -1.0

    def rate(t):
        return forward * (1.5 + math.sin(2 * t))

    def level(t):
        return 1 + t**2

    size = NOISES[noise]
    mean, variance = exact_moments(rate, level, size, start, stop, 0.3, 0.2)
    errors = []
    for steps in GRIDS:
        task = problem(lambda t, x: -rate(t) * (x - level(t)), size, start, stop)
        got = moments(monkeypatch, method(steps=steps), task, 0.3, 0.2)
        errors.append(abs(got[0] - mean) + abs(got[1] - variance))
    if method is StochasticHeun or (method is EDMHeun and noise == "vanishing"):
        assert 1.9 <= fitted_order(errors) <= 2.4
    else:
        assert 0.85 <= fitted_order(errors) <= 1.3


@pytest.mark.parametrize("method", METHODS)
def test_local_weak_error_on_a_nonlinear_sde(monkeypatch, problem, method):
    """``dX = tanh(X) dt + dW`` from x has at time h the law ``sum_s e^{s x}/(2 cosh x) N(x + s h, h)``, s = +-1.

    An error O(h^(p+1)) of the moments of one step is weak order p. The noise is integrated by Gauss-Hermite quadrature.
    """
    nodes, weights = np.polynomial.hermite_e.hermegauss(40)
    nodes, weights = torch.as_tensor(nodes), torch.as_tensor(weights / weights.sum())
    monkeypatch.setattr(torch.Tensor, "normal_", lambda buffer, generator=None: buffer.copy_(nodes))
    x, errors, lengths = 0.7, [], (0.2, 0.1, 0.05, 0.025)
    for h in lengths:
        task = problem(lambda t, y: y.tanh(), lambda t: 1.0, stop=h)
        start = torch.full_like(nodes, x)
        final = method(steps=1).solve(task, start, torch.Generator()).final
        up = math.exp(x) / (2 * math.cosh(x))
        first = up * (x + h) + (1 - up) * (x - h)
        second = up * (x + h) ** 2 + (1 - up) * (x - h) ** 2 + h
        errors.append(abs(float(weights @ final) - first) + abs(float(weights @ final**2) - second))
    order = float(np.polyfit(np.log(lengths), np.log(errors), 1)[0])
    assert order == pytest.approx(3 if method is StochasticHeun else 2, abs=0.2)


@pytest.mark.parametrize("method", METHODS)
def test_stationary_variance_of_an_ornstein_uhlenbeck_process(monkeypatch, problem, method):
    """``dX = -a (X - 1) dt + g dW``: N(1, g^2/(2a)) exactly, and numerically what the map of a step says, z = a h."""
    a, g, steps, stop = 2.0, 0.7, 80, 10.0
    z = a * stop / steps
    task = problem(lambda t, x: -a * (x - 1), lambda t: g, stop=stop)
    mean, variance = moments(monkeypatch, method(steps=steps), task, 3.0, 5.0)
    r = 1 - z if method is EulerMaruyama else 1 - z + z**2 / 2
    gain = {EulerMaruyama: 1.0, StochasticHeun: 1 - z / 2, EDMHeun: r}[method]
    assert mean == pytest.approx(1, abs=1e-6)
    assert variance == pytest.approx(g**2 / (2 * a) * 2 * z * gain**2 / (1 - r**2), rel=1e-9)
    if method is StochasticHeun:
        assert variance == pytest.approx(g**2 / (2 * a), rel=z**2 / 2)
