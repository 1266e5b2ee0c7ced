"""The quadrature of Clenshaw and Curtis: nested nodes, and weights that are exact for polynomials of degree n.

    ``int_0^1 f(c) dc ~ sum_j w_j f(c_j)``,    ``c_j = sin^2(pi j/(2n))``,    j = 0..n

The nodes of n are every second one of 2n, so a doubling keeps all values. For smooth functions it is as accurate as
Gauss's quadrature with as many nodes (Trefethen, SIAM Review 50, 2008; Clenshaw and Curtis, Numerische Mathematik 2,
1960).
"""

from __future__ import annotations

import functools
import math

import torch
from torch import Tensor

__all__ = ["between", "nodes", "weights"]


def nodes(n: int) -> list[float]:
    """``c_0 = 0 < ... < c_n = 1`` for n even."""
    half = [math.sin(math.pi * j / (2 * n)) ** 2 for j in range(n // 2)]
    # Mirrored, so that both halves are exact and doublings meet the same numbers.
    return [*half, 0.5, *(1.0 - c for c in reversed(half))]


@functools.cache
def weights(n: int) -> Tensor:
    """``w_0, ..., w_n`` for n even, shape (n + 1,), float64; they sum to 1."""
    with torch.inference_mode(False):
        angle = torch.arange(n + 1, dtype=torch.float64) * (math.pi / n)
        k = torch.arange(n // 2 + 1, dtype=torch.float64)
        # The integrals of the cosines of an interpolant, whose first and last count half.
        integrals = 2 / (1 - 4 * k.square())
        integrals[[0, -1]] /= 2
        found = integrals @ torch.cos(2 * k[:, None] * angle) / n
        found[[0, -1]] /= 2
        return found


@functools.cache
def between(n: int) -> Tensor:
    """The polynomial through the values at the nodes of n, at those that 2n adds: a matrix (n, n + 1), float64.

    In the barycentric form (Berrut and Trefethen, SIAM Review 46, 2004).
    """
    with torch.inference_mode(False):
        doubled = torch.tensor(nodes(2 * n), dtype=torch.float64)
        old, new = doubled[::2], doubled[1::2]
        signs = torch.ones(n + 1, dtype=torch.float64)
        signs[1::2] = -1
        signs[[0, -1]] /= 2
        terms = signs / (new[:, None] - old)
        return terms / terms.sum(1, keepdim=True)
