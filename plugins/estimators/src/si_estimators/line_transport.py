"""Optimal transport on the line, where sorting solves it, column by column.

    ``W_p^p(F, G) = int_0^1 |F^-1(q) - G^-1(q)|^p dq``

The potentials ``phi(x) + psi(y) <= |x-y|^p`` whose scatter is that of ``W_p^p`` have the derivative
``phi'(x) = p |x - T x|^(p-1) sign(x - T x)``, T the optimal map (del Barrio and Loubes, Annals of Probability 47, 2019,
arXiv 1705.01299).
"""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["line_potential", "wasserstein_power"]


def wasserstein_power(a: Tensor, b: Tensor, order: float) -> Tensor:
    """``W_p^p`` of one-dimensional samples, column by column.

    Args:
        a: shape (n, K).
        b: shape (m, K).
        order: p >= 1.

    Returns:
        shape (K,).
    """
    a, b = a.sort(0).values, b.sort(0).values
    n, m = len(a), len(b)
    if n == m:
        return (a - b).abs().pow(order).mean(0)
    # Both quantile functions are constant between the steps of either; the steps are whole multiples of 1/(n m).
    steps = torch.cat([torch.arange(n + 1) * m, torch.arange(m + 1) * n]).unique().to(a.device)
    left, width = steps[:-1], steps.diff().to(a.dtype) / (n * m)
    return width @ (a[left // m] - b[left // n]).abs().pow(order)


def line_potential(a: Tensor, b: Tensor, order: float) -> Tensor:
    """The potential phi of the transport of a to b at each point of a, 0 at the least; shape (n, K).

    The optimal map takes a point to the mean of the quantiles of b that its part of the mass goes to.

    Args:
        a: shape (n, K).
        b: shape (m, K).
        order: p >= 1.
    """
    a, place = a.sort(0)
    gap = a - _mapped(b.sort(0).values, len(a))
    derivative = order * gap.abs().pow(order - 1) * gap.sign()
    rises = a.diff(dim=0) * (derivative[1:] + derivative[:-1]) / 2
    sorted_values = torch.cat([torch.zeros_like(a[:1]), rises.cumsum(0)])
    return torch.empty_like(a).scatter_(0, place, sorted_values)


def _mapped(b: Tensor, n: int) -> Tensor:
    """The mean of the sorted sample b over each of n equal parts of its mass, shape (n, K)."""
    m = len(b)
    if m == n:
        return b
    # The integral of the quantile function is linear between multiples of 1/m.
    ends = torch.arange(n + 1, device=b.device, dtype=torch.int64) * m
    whole, rest = ends // n, (ends % n).to(b.dtype)[:, None] / n
    sums = torch.cat([torch.zeros_like(b[:1]), b.cumsum(0)])
    integral = sums[whole] + rest * b[whole.clamp_max(m - 1)]
    return integral.diff(dim=0) * (n / m)
