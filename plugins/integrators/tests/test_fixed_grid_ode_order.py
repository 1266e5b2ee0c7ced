"""ODE methods: the observed order is the claimed one, forward and backward, on problems with known solutions."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from si_integrators.edm_heun import EDMHeun
from si_integrators.euler import Euler
from si_integrators.euler_maruyama import EulerMaruyama
from si_integrators.heun import Heun
from si_integrators.midpoint import Midpoint
from si_integrators.rk4 import RK4
from si_integrators.stochastic_heun import StochasticHeun

ORDERS = {Euler: 1, Midpoint: 2, Heun: 2, RK4: 4, EulerMaruyama: 1, StochasticHeun: 2, EDMHeun: 2}
METHODS = list(ORDERS)


def quadratic_decay(t: float, x: Tensor) -> Tensor:
    """``dx/dt = -2 t x^2``: ``1/x = t^2 + 1/x(0)``."""
    return -2 * t * x**2


def rotation(t: float, x: Tensor) -> Tensor:
    """Rotation with angular velocity ``2 + cos t``: the angle at t is ``2t + sin t``."""
    return (2 + math.cos(t)) * torch.stack((-x[..., 1], x[..., 0]), -1)


def decayed(t: float) -> Tensor:
    return 1 / (t**2 + 1 / torch.tensor([0.5, 1.0, 2.0], dtype=torch.float64))


def rotated(t: float) -> Tensor:
    angle = torch.tensor([0.3, 1.7], dtype=torch.float64) + 2 * t + math.sin(t)
    return torch.stack((angle.cos(), angle.sin()), -1)


@pytest.mark.parametrize("span", [(0.0, 1.0), (1.0, 0.0)], ids=["forward", "backward"])
@pytest.mark.parametrize(
    ("drift", "solution"), [(quadratic_decay, decayed), (rotation, rotated)], ids=["nonlinear", "rotation"]
)
@pytest.mark.parametrize("method", METHODS)
def test_observed_order(problem, method, drift, solution, span):
    start, stop = span
    errors = []
    for steps in (24, 48):
        final = method(steps=steps).solve(problem(drift, start=start, stop=stop), solution(start)).final
        errors.append(float((final - solution(stop)).abs().max()))
    assert math.log2(errors[0] / errors[1]) == pytest.approx(ORDERS[method], abs=0.2)


@pytest.mark.parametrize("method", [Euler, Midpoint, Heun, RK4, EulerMaruyama, StochasticHeun])
def test_the_class_claims_this_order(method):
    assert method().order == ORDERS[method]


def test_the_claim_of_edm_heun_is_its_weak_order():
    assert EDMHeun().order == 1
