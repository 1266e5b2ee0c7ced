"""torchsde: weak order without Monte Carlo error.

The final state of a linear SDE is affine in its independent normal noises; a Brownian motion that gives row k only its
k-th one yields all coefficients in one run, and so the exact law of the numerical solution.
"""

from __future__ import annotations

import math
from typing import get_args

import numpy as np
import pytest
import torch
from scipy.integrate import solve_ivp

import si_torchsde.integrator as home
from si_torchsde.integrator import Method, TorchSDE

METHODS = get_args(Method)
SPANS = pytest.mark.parametrize("span", [(0.0, 1.0), (1.0, 0.0)], ids=["forward", "backward"])


class UnitBrownian:
    """Two independent normals a unit of time: ``W`` and the space-time area ``U = W/2 + H``, ``H ~ N(0, 1/12)``."""

    def __init__(self, size, dtype, levy_area_approximation, **_):
        self.shape, self.dtype, self.levy_area_approximation = size, dtype, levy_area_approximation

    def __call__(self, begin, end, return_U=False):
        assert float(end) - float(begin) == 1
        w, h = (torch.zeros(self.shape, dtype=self.dtype) for _ in range(2))
        k = int(begin)
        w[2 + 2 * k] = 1
        h[3 + 2 * k] = math.sqrt(1 / 12)
        return (w, w / 2 + h) if return_U else w


def moments(monkeypatch, integrator, problem, mean, variance):
    monkeypatch.setattr(home, "BrownianInterval", UnitBrownian)
    x = torch.zeros(2 * integrator.steps + 2, dtype=torch.float64)
    x[1] = 1
    final = integrator.solve(problem, x, torch.Generator()).final
    shift, slope, response = final[0], final[1] - final[0], final[2:] - final[0]
    return float(slope * mean + shift), float(slope**2 * variance + (response**2).sum())


def exact_moments(rate, level, noise, start, stop, mean, variance):
    """Moments of ``dX = -rate(t) (X - level(t)) dt + noise(t) dW`` at stop, in either direction of time."""
    sign = math.copysign(1.0, stop - start)

    def slope(t, y):
        return [-rate(t) * (y[0] - level(t)), -2 * rate(t) * y[1] + sign * noise(t) ** 2]

    return solve_ivp(slope, (start, stop), [mean, variance], method="DOP853", rtol=1e-12, atol=1e-13).y[:, -1]


def process(span):
    """A time-dependent Ornstein-Uhlenbeck process that contracts in the direction of the span."""
    forward = math.copysign(1.0, span[1] - span[0])
    return (lambda t: forward * (1.5 + math.sin(2 * t))), (lambda t: 1 + t**2), (lambda t: 0.4 + t)


@SPANS
@pytest.mark.parametrize("method", METHODS)
def test_weak_order_on_a_time_dependent_ornstein_uhlenbeck_process(monkeypatch, problem, method, span):
    rate, level, noise = process(span)
    mean, variance = exact_moments(rate, level, noise, *span, 0.3, 0.2)
    grids, errors = (16, 32, 64, 128), []
    for steps in grids:
        task = problem(lambda t, x: -rate(t) * (x - level(t)), noise, *span)
        got = moments(monkeypatch, TorchSDE(method, steps=steps), task, 0.3, 0.2)
        errors.append(abs(got[0] - mean) + abs(got[1] - variance))
    order = -float(np.polyfit(np.log(grids), np.log(errors), 1)[0])
    assert order == pytest.approx(TorchSDE(method).order, abs=0.25)


def test_euler_is_our_own_euler_maruyama_given_the_same_noise(monkeypatch, problem):
    """The law of both is the same, so all coefficients of the noise are."""
    euler_maruyama = pytest.importorskip("si_integrators.euler_maruyama").EulerMaruyama
    rate, level, noise = process((1.0, 0.0))
    steps = 12
    x = torch.zeros(2 * steps + 2, dtype=torch.float64)
    task = problem(lambda t, y: -rate(t) * (y - level(t)), noise, 1.0, 0.0)
    drawn = []

    def unit_noise(buffer, generator=None):
        buffer.zero_()
        buffer[2 + 2 * len(drawn)] = 1
        drawn.append(generator)
        return buffer

    with monkeypatch.context() as patch:
        patch.setattr(torch.Tensor, "normal_", unit_noise)
        ours = euler_maruyama(steps=steps).solve(task, x, torch.Generator()).final
    monkeypatch.setattr(home, "BrownianInterval", UnitBrownian)
    theirs = TorchSDE("euler", steps=steps).solve(task, x, torch.Generator()).final
    torch.testing.assert_close(theirs, ours, rtol=1e-12, atol=1e-12)
