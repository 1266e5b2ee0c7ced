"""The assignment problem: the permutation of least cost, exactly.

The method of shortest augmenting paths (Jonker and Volgenant; Crouse, doi 10.1109/TAES.2016.140952, in scipy) searches
for a path for one row after another, and the paths are short where the prices that it starts with are good. It starts
with none. Any f and g may be taken off the rows and columns of a cost, as that changes the sums of all permutations
alike; potentials of entropic transport are nearly the prices of the solution once the regularisation is near to what
neighbours differ by. A few of Sinkhorn's iterations in single precision therefore leave little to do for the exact
method, which decides alone: f and g change how long it takes, not what it finds, but for ties in double precision.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from si_schrodinger.costs import refuse_not_finite
from si_schrodinger.potentials import Potentials
from si_schrodinger.scaling import Kernel

__all__ = ["assignment"]

_WHERE = "assignment"
_LEAST = 200
"""Smaller problems are solved sooner than they are prepared."""

_ITERATIONS = 8
_FIRST, _FACTOR, _SHARED = 0.25, 4.0, 4.0
"""The regularisation in units of the mean cost: the first, what it falls by, and the last times n."""


def assignment(cost: Tensor) -> Tensor:
    """The column of each row in the permutation of least cost.

    Args:
        cost: C, shape (n, n), float64; where it is, the preparation is made, and the rest on the CPU.

    Returns:
        For each row its column, (n,) int64, on the device of the cost.

    Raises:
        NumericsError: an entry is not finite.
    """
    from scipy.optimize import linear_sum_assignment

    refuse_not_finite(cost, _WHERE)
    if len(cost) >= _LEAST:
        cost = _prepared(cost)
    _, columns = linear_sum_assignment(cost.cpu().numpy())
    return torch.from_numpy(columns).to(cost.device)


def _prepared(cost: Tensor) -> Tensor:
    """The cost less potentials: nowhere negative, with a zero in each row and column."""
    n = len(cost)
    reduced = cost - cost.amin(0)
    reduced -= reduced.amin(1, keepdim=True)
    mean = float(reduced.mean())
    if mean > 0:
        weights = torch.full((n,), -math.log(n), device=cost.device)
        state = Potentials((reduced / mean).float(), weights, weights, math.inf)
        r = _FIRST
        while n * r >= _SHARED:
            state.at(r)
            kernel = Kernel(state, single=True)
            kernel.iterate(_ITERATIONS)
            kernel.absorb()
            r /= _FACTOR
        reduced -= mean * state.f.double()[:, None]
        reduced -= reduced.amin(0)
        reduced -= reduced.amin(1, keepdim=True)
    return reduced
