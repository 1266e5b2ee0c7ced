"""Smooth increasing maps of [0, 1] onto itself by the logarithm of their derivative.

    ``v(u) = int_0^u w / int_0^1 w``,    ``log w(u) = sum_{k>=1} c_k P_k(2u-1)``

with P_k the Legendre polynomials. The integrals are Gauss-Legendre sums over [0, u], or over [u, 1] in the upper half,
so that both ends are exact and v keeps its digits near 0.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from si_core import UsageError

__all__ = ["SmoothMap", "legendre"]

_NODES = 48
_ITERATIONS = 60
"""Each of them halves the bracket at least, so that the inverse is found to rounding whatever Newton's method does."""


class SmoothMap:
    """A map by its coefficients.

    Args:
        coefficients: ``c_1, c_2, ...``.

    Raises:
        UsageError: coefficients that are not finite, or the sum of whose sizes is above :attr:`LARGEST`.
    """

    LARGEST: ClassVar[float] = 8.0
    """Up to here the sums have no error but rounding."""

    def __init__(self, coefficients: Sequence[float]) -> None:
        size = sum(map(abs, coefficients))
        if not size <= self.LARGEST:
            raise UsageError(
                "coefficients of a smooth map",
                got=str(list(coefficients)),
                allowed=f"finite numbers whose sizes sum up to {self.LARGEST:g} at most",
            )
        self.coefficients = tuple(map(float, coefficients))
        nodes, weights = _gauss_legendre()
        self._whole = float((weights * self._weight(nodes)).sum())

    def value(self, u: Tensor) -> Tensor:
        """``v(u)``, shape of u, float64."""
        nodes, weights = (part.to(u.device) for part in _gauss_legendre())
        ahead = u <= 0.5
        # From the nearer end.
        length = torch.where(ahead, u, 1 - u)
        inner = length.unsqueeze(-1) * nodes
        means = (weights * self._weight(torch.where(ahead.unsqueeze(-1), inner, 1 - inner))).sum(-1)
        part = length * means / self._whole
        return torch.where(ahead, part, 1 - part)

    def derivative(self, u: Tensor) -> Tensor:
        """``dv/du``, shape of u, float64."""
        return self._weight(u) / self._whole

    def inverse(self, v: Tensor) -> Tensor:
        """``u`` with ``v(u) = v``, shape of v, float64: Newton's method, and halving where it leaves the bracket."""
        low, high, u = torch.zeros_like(v), torch.ones_like(v), v
        for _ in range(_ITERATIONS):
            excess = self.value(u) - v
            low, high = torch.where(excess <= 0, u, low), torch.where(excess >= 0, u, high)
            step = u - excess / self.derivative(u)
            u = torch.where((step >= low) & (step <= high), step, (low + high) / 2)
        return u

    def _weight(self, u: Tensor) -> Tensor:
        terms = zip(self.coefficients, legendre(u, len(self.coefficients)), strict=True)
        return torch.exp(sum((c * p for c, p in terms), start=torch.zeros_like(u)))


def legendre(u: Tensor, degree: int) -> list[Tensor]:
    """``P_1(2u-1), ..., P_degree(2u-1)``, each of the shape of u."""
    x = 2 * u - 1
    found = [torch.ones_like(x), x]
    for k in range(1, degree):
        found.append(((2 * k + 1) * x * found[k] - k * found[k - 1]) / (k + 1))
    return found[1 : degree + 1]


@cache
def _gauss_legendre() -> tuple[Tensor, Tensor]:
    """Nodes and weights on [0, 1], float64; exact for polynomials of degree 95."""
    nodes, weights = np.polynomial.legendre.leggauss(_NODES)
    return torch.from_numpy((nodes + 1) / 2), torch.from_numpy(weights / 2)
