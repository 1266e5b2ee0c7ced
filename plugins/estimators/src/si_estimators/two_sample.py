"""Two-sample U-statistics: unbiased squared distances of laws, with a standard error that holds for equal laws, too.

    ``T = mean_{i!=j} k(X_i, X_j) + mean_{i!=j} k(Y_i, Y_j) - 2 mean_{ij} k(X_i, Y_j)``

estimates ``E k(X, X') + E k(Y, Y') - 2 E k(X, Y)``. Its Hoeffding decomposition has uncorrelated terms,

    ``Var T = 4 s_X/n + 4 s_Y/m + 2 s_XX/(n(n-1)) + 2 s_YY/(m(m-1)) + 4 s_XY/(n m)``

with ``s_X = Var_x(E k(x, X') - E k(x, Y))`` and s_XX, s_YY, s_XY the variances of k with both conditional means taken
out. For equal laws s_X = s_Y = 0 and the last three are all there is. The estimates of the first two scatter about 0
then, and their sum is kept from being negative, so that the standard error is cautious: by a third at most, in
simulations with 30 to 200 points. (Hoeffding, Annals of Mathematical Statistics 19, 1948; Gretton et al., Journal of
Machine Learning Research 13, 2012.)
"""

from __future__ import annotations

import math
from collections.abc import Callable

from torch import Tensor

from si_estimators.centring import centred
from si_estimators.options import flat

__all__ = ["Kernel", "two_sample"]

Kernel = Callable[[Tensor, Tensor], Tensor]
"""``k(a, b)`` of all pairs, (n, d) and (m, d) -> (n, m): a fresh tensor."""

_BLOCK = 2048
"""Rows and columns of the largest matrix held at once."""


def two_sample(kernel: Kernel, x: Tensor, y: Tensor, of_difference: bool = True) -> tuple[float, float]:
    """T and its standard error.

    Args:
        kernel: a symmetric function of two points.
        x: samples, shape (n, *event), n >= 4.
        y: samples, shape (m, *event), m >= 4.
        of_difference: whether the kernel is one of the difference of two points, which may be moved together.
    """
    x, y = centred(x, y) if of_difference else (flat(x).double(), flat(y).double())
    n, m = len(x), len(y)
    # Each about its own mean: two narrow laws may be far apart.
    x_means, x_square = _within(kernel, x - x.mean(0) if of_difference else x)
    y_means, y_square = _within(kernel, y - y.mean(0) if of_difference else y)
    xy_means, yx_means, xy_square = _between(kernel, x, y)
    value = float(x_means.mean() + y_means.mean() - 2 * xy_means.mean())
    s_xx = x_square - 2 * _squared(x_means, x_square, n - 1) + float(x_means.mean()) ** 2
    s_yy = y_square - 2 * _squared(y_means, y_square, m - 1) + float(y_means.mean()) ** 2
    s_xy = xy_square - _squared(xy_means, xy_square, m) - _squared(yx_means, xy_square, n) + float(xy_means.mean()) ** 2
    s_xx, s_yy, s_xy = (max(0.0, part) for part in (s_xx, s_yy, s_xy))
    # The means over finite samples scatter about those over the laws, by what is subtracted.
    s_x = float((x_means - xy_means).var()) - s_xx / (n - 1) - s_xy / m
    s_y = float((y_means - yx_means).var()) - s_yy / (m - 1) - s_xy / n
    linear = max(0.0, 4 * s_x / n + 4 * s_y / m)
    variance = linear + 2 * s_xx / (n * (n - 1)) + 2 * s_yy / (m * (m - 1)) + 4 * s_xy / (n * m)
    return value, math.sqrt(variance)


def _squared(means: Tensor, square: float, count: int) -> float:
    """The mean square of conditional means, without the scatter of means over ``count`` pairs."""
    return (count * float(means.square().mean()) - square) / (count - 1)


def _within(kernel: Kernel, x: Tensor) -> tuple[Tensor, float]:
    """The mean of k over the other points, shape (n,), and the mean of ``k^2`` over pairs of different points."""
    sums, square = x.new_zeros(len(x)), 0.0
    for i in range(0, len(x), _BLOCK):
        rows = slice(i, i + _BLOCK)
        for j in range(i, len(x), _BLOCK):
            columns = slice(j, j + _BLOCK)
            block = kernel(x[rows], x[columns])
            if i == j:
                block.fill_diagonal_(0)
            else:
                sums[columns] += block.sum(0)
            sums[rows] += block.sum(1)
            square += (1 if i == j else 2) * float(block.square_().sum())
    return sums / (len(x) - 1), square / (len(x) * (len(x) - 1))


def _between(kernel: Kernel, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor, float]:
    """The mean of k over y, shape (n,), over x, shape (m,), and the mean of ``k^2`` over pairs."""
    of_x, of_y, square = x.new_zeros(len(x)), y.new_zeros(len(y)), 0.0
    for i in range(0, len(x), _BLOCK):
        for j in range(0, len(y), _BLOCK):
            block = kernel(x[i : i + _BLOCK], y[j : j + _BLOCK])
            of_x[i : i + _BLOCK] += block.sum(1)
            of_y[j : j + _BLOCK] += block.sum(0)
            square += float(block.square_().sum())
    return of_x / len(y), of_y / len(x), square / (len(x) * len(y))
