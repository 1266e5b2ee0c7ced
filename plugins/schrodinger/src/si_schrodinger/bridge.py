"""Schrödinger bridges that are known: the drift, the plan, and the law in between.

Of all paths from ``rho0`` to ``rho1`` the bridge has the least ``KL(paths || reference)``, the reference being
``dX = sqrt(2 epsilon) dW`` from ``rho0`` (Léonard, arXiv 1308.0215). Its ends are joined as Brownian motion is,

    ``x_t = (1-t) x0 + t x1 + sqrt(2 epsilon t(1-t)) z``,      ``(x0, x1)`` from the plan, z ~ N(0, I),

and its forward drift is ``u(t, x) = 2 epsilon grad log psi(t, x)``, with ``psi(t, .)`` the potential ``psi`` of the
plan ``rho0(x) N(y|x, 2 epsilon I) psi(y) / psi(0, x)`` convolved with ``N(0, 2 epsilon (1-t) I)``.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod

import torch
from torch import Tensor

from si_distributions.options import positive
from si_distributions.randomness import normal

__all__ = ["Bridge"]


class Bridge(ABC):
    """A bridge in closed form; computed in float64, given in the dtype and on the device of the states.

    Args:
        epsilon: of the reference ``dX = sqrt(2 epsilon) dW``.

    Raises:
        UsageError: epsilon is not a positive number.
    """

    def __init__(self, epsilon: float) -> None:
        self.epsilon = positive(epsilon, "epsilon", type(self).__name__)

    @abstractmethod
    def drift(self, t: Tensor | float, x: Tensor) -> Tensor:
        """The forward drift ``u(t, x)``, shape of x; t in [0, 1] of shape (B,) or (), x of shape (B, *event)."""

    @abstractmethod
    def sample_end(self, x: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """One draw of ``x1 | x0 = x`` for each x of shape (B, *event), shape of x."""

    def between(self, t: float, x0: Tensor, x1: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """One draw of ``x_t | x0, x1`` for each pair, shape (B, *event)."""
        noise = normal(tuple(x0.shape), x0.dtype, generator)
        return (1 - t) * x0 + t * x1 + math.sqrt(2 * self.epsilon * t * (1 - t)) * noise
