"""The quadratic cost between two batches, in double precision."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from si_core import NumericsError, refuse_beyond_memory

__all__ = ["half_squared_distances", "refuse_not_finite", "refuse_points"]

_LITTLE = 2**28
"""Bytes of distances below which nobody asks what is free."""


def half_squared_distances(x0: Tensor, x1: Tensor) -> Tensor:
    """``|x0_i - x1_j|^2 / 2``, shape (n, m), float64, on the device of x0.

    Made of ``|x|^2 + |y|^2 - 2 x.y`` about the mean of x1, so that it is one matrix product, and exact to rounding
    relative to the size of the clouds rather than to their distance from the origin.

    Args:
        x0: shape (n, *event).
        x1: shape (m, *event).

    Raises:
        NumericsError: a distance is not finite, or there is no memory for so many.
    """
    needed = 16 * len(x0) * len(x1)  # the squares and the distances
    if needed > _LITTLE:
        what = f"the distances between {len(x0)} and {len(x1)} points"
        where, fix = "transport between batches", "a smaller train.batch, or a smaller pool of the coupling"
        refuse_beyond_memory(needed, what, device=x0.device, where=where, fix=fix)
    first, second = (x.detach().reshape(len(x), math.prod(x.shape[1:])).to(x0.device, torch.float64) for x in (x0, x1))
    centre = second.mean(0)
    first, second = first - centre, second - centre
    squares = first.square().sum(1)[:, None] + second.square().sum(1)
    cost = torch.addmm(squares, first, second.T, beta=0.5, alpha=-1.0).clamp_(min=0)
    refuse_not_finite(cost, "half squared distances")
    return cost


def refuse_not_finite(cost: Tensor, where: str) -> None:
    """Refuse a cost with an entry that is NaN or infinite, naming the first."""
    # Either extreme tells, NaN included, in one pass and no memory.
    if not bool(torch.isfinite(torch.stack(torch.aminmax(cost))).all()):
        row, column = (~torch.isfinite(cost)).nonzero()[0].tolist()
        raise NumericsError(
            "the cost is not finite",
            where=where,
            got=f"{float(cost[row, column])} in row {row}, column {column} of {tuple(cost.shape)}",
            fix="look at that row of x0 and that row of x1",
        )


def refuse_points(x: Tensor, name: str) -> None:
    """Refuse points, rows of x, that are not finite, naming the end they belong to and the first of them."""
    finite = torch.isfinite(x.reshape(len(x), math.prod(x.shape[1:]))).all(1)
    if not bool(finite.all()):
        row = int((~finite).nonzero()[0])
        got = f"{int((~finite).sum())} of {len(x)} rows, the first is row {row}"
        raise NumericsError(f"points of {name} are not finite", where="transport between batches", got=got)
