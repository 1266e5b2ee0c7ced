"""The energy distance of two samples, unbiased, with a standard error that is cautious whatever the laws are.

    ``D(X, Y) = 2 E|X-Y| - E|X-X'| - E|Y-Y'|``:  0 for equal laws and for no others

(Székely and Rizzo, Journal of Statistical Planning and Inference 143, 2013). The standard error is the jackknife over
groups of both samples. It is not below the scatter in expectation (Efron and Stein, Annals of Statistics 9, 1981), and
above it by a factor of sqrt(2) at most, which it is for equal laws, where only pairs of points scatter.
"""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["energy_distance"]


def energy_distance(x: Tensor, y: Tensor, groups: int) -> tuple[float, float]:
    """``D(X, Y)`` over pairs of different points, and its standard error.

    Args:
        x: independent rows, shape (n, d).
        y: independent rows, shape (n, d), independent of x.
        groups: at least 2, with at least two rows in each group.
    """
    first, second = (part.double().tensor_split(groups) for part in (x, y))
    sizes = torch.tensor([len(part) for part in first], dtype=torch.float64)
    within_x, within_y, between = _sums(first, first), _sums(second, second), _sums(first, second)
    value = _distance(within_x.sum(), within_y.sum(), between.sum(), sizes.sum())
    left = [_leave_one_out(part) for part in (within_x, within_y, between)]
    without = _distance(left[0], left[1], left[2], sizes.sum() - sizes)
    return float(value), (groups - 1) / groups**0.5 * float(without.std())


def _distance(within_x: Tensor, within_y: Tensor, between: Tensor, n: Tensor) -> Tensor:
    """D from the sums of distances over all ordered pairs, those of a point with itself being 0."""
    return 2 * between / n**2 - (within_x + within_y) / (n * (n - 1))


def _sums(a: tuple[Tensor, ...], b: tuple[Tensor, ...]) -> Tensor:
    """The sums of distances between points of two groups, shape (G, G), float64."""
    # A point is at no distance from itself, which differences tell and inner products don't.
    exact = "donot_use_mm_for_euclid_dist"
    sums = [[float(torch.cdist(u, v, compute_mode=exact).sum()) for v in b] for u in a]
    return torch.tensor(sums, dtype=torch.float64)


def _leave_one_out(sums: Tensor) -> Tensor:
    """What is left of the sum without each group, shape (G,)."""
    return sums.sum() - sums.sum(0) - sums.sum(1) + sums.diagonal()
