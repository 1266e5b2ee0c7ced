"""Weights of interpolating integrators: ``int_r^t p(s) kernel(s) ds`` for the polynomial p through values at nodes.

A step is cut into cells that shrink towards both of its ends, by Gauss-Legendre nodes in each: kernels with a pole at
an end, or a layer near it, are integrated as well as smooth ones. All in double precision, once for a grid.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor

__all__ = ["apart", "cells", "cumulative", "lagrange"]

_POINTS, _LEVELS, _RATIO = 8, 7, 0.4
_NEAR = 0.01


@lru_cache(maxsize=1)
def cells() -> tuple[Tensor, Tensor, Tensor]:
    """Nodes and weights on [0, 1], each (cells, points), and the matrix of partial integrals (points, points).

    ``matrix @ f`` of values at the nodes of a cell of length 1 are the integrals from each node to the end of the cell.
    """
    x, w = (torch.as_tensor(part, dtype=torch.float64) for part in np.polynomial.legendre.leggauss(_POINTS))
    x, w = (x + 1) / 2, w / 2
    half = [0.5 * _RATIO**k for k in reversed(range(_LEVELS))]
    edges = torch.tensor([0.0, *half, *(1 - edge for edge in reversed(half[:-1])), 1.0], dtype=torch.float64)
    low, length = edges[:-1, None], edges.diff()[:, None]
    # Of the Lagrange polynomial j, from node i to 1; of degree points - 1, so the same rule is exact.
    inner = x[:, None] + (1 - x[:, None]) * x
    partial = torch.stack([(lagrange(x.tolist(), j, inner) * w).sum(1) * (1 - x) for j in range(_POINTS)], 1)
    return low + length * x, length * w, partial


def lagrange(nodes: Sequence[float], j: int, s: Tensor) -> Tensor:
    """The polynomial that is 1 at node j and 0 at the others, at s."""
    value = torch.ones_like(s)
    for i, node in enumerate(nodes):
        if i != j:
            value = value * (s - node) / (nodes[j] - node)
    return value


def apart(times: Sequence[float], length: float) -> list[int]:
    """Which of the times, the latest first, to interpolate between over a step of a length.

    Two values a hundredth of the step apart and less, as beside a time that was asked for, differ by little more than
    their errors, which a polynomial through both would enlarge; the later one stays.
    """
    used: list[int] = []
    for j, time in enumerate(times):
        if not used or abs(times[used[-1]] - time) > _NEAR * abs(length):
            used.append(j)
    return used


def cumulative(values: Tensor, length: Tensor) -> Tensor:
    """Integrals from each node to the end of the step.

    Args:
        values: at the nodes of the cells, shape (steps, cells, points).
        length: of the steps, shape (steps,).
    """
    _, weights, partial = cells()
    of_cells = (values * weights).sum(-1)
    after = of_cells.flip(-1).cumsum(-1).flip(-1) - of_cells
    within = (values @ partial.T) * weights.sum(-1, keepdim=True)
    return (within + after[..., None]) * length[:, None, None]
