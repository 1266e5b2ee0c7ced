"""Iterative Markovian fitting between Gaussians, exactly: a recursion of cross-covariances.

Let x0 ~ N(m0, A), x1 ~ N(m1, B) have the joint Gaussian law with ``Cov(x0, x1) = X``. The process that joins them by
Brownian bridges of the reference ``dX = sqrt(2 epsilon) dW`` has ``S_t = Cov(x_t)`` and the forward drift
``m1 - m0 + L_t (x - m_t)`` with

    S_t = (1-t)^2 A + t^2 B + t(1-t) (X + X^T + 2 epsilon I)
    L_t = (-(1-t) A + t B - t X + (1-t) X^T + epsilon (1-2t) I - epsilon I) S_t^-1.

The SDE with that drift has the same marginals, so the same A and B, and the first and last states of it have

    ``Cov = A F^T``,     ``dF/dt = L_t F``,   ``F_0 = I``,

for the noise is independent of x0. That is the next X. In one dimension ``L_t = S'/(2S) - epsilon/S``, so

    ``X' = sqrt(ab) exp(-epsilon int_0^1 dt/S_t)``,

whose fixed point is ``sqrt(ab + epsilon^2) - epsilon``, the Schrödinger bridge's.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

__all__ = ["refitted_cross"]

_STEPS = 100


def refitted_cross(covariance0: Tensor, covariance1: Tensor, cross: Tensor, epsilon: float) -> Tensor:
    """The cross-covariance after one exact round of fitting, shape (d, d), float64.

    Args:
        covariance0: A, shape (d, d).
        covariance1: B, shape (d, d).
        cross: X, shape (d, d); one that has a joint law with A and B.
        epsilon: the noise of the reference, > 0.
    """
    a, b, x = (part.double() for part in (covariance0, covariance1, cross))
    identity = torch.eye(len(a), dtype=torch.float64)
    flow = identity
    h = 1.0 / _STEPS

    def derivative(u: float, f: Tensor) -> Tensor:
        t, rate = math.sin(math.pi * u / 2) ** 2, math.pi / 2 * math.sin(math.pi * u)
        s = (1 - t) ** 2 * a + t**2 * b + t * (1 - t) * (x + x.mT + 2 * epsilon * identity)
        k = -(1 - t) * a + t * b - t * x + (1 - t) * x.mT - 2 * epsilon * t * identity
        return rate * k @ torch.linalg.solve(s, f)

    # The classical Runge-Kutta method in the sine clock: S_t leaves a narrow end fast, within t = S/(2 epsilon).
    for step in range(_STEPS):
        u = step * h
        first = derivative(u, flow)
        second = derivative(u + h / 2, flow + h / 2 * first)
        third = derivative(u + h / 2, flow + h / 2 * second)
        fourth = derivative(u + h, flow + h * third)
        flow = flow + h / 6 * (first + 2 * second + 2 * third + fourth)
    return a @ flow.mT
