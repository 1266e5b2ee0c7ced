"""Poles of a completion between the ends of time: where its weights have no bound.

Known fields whose coefficients become dependent at one time (their determinant is 0) give a pole there, unless the
wanted field lies in what is left of their span: then the singularity is removable. Coefficients are smooth between the
ends, so determinants have zeros of whole orders, and weights ``c ~ |u - u0|^-k`` with k = 1, 2, ...

On a dense grid, closer towards the ends, the candidates are all local minima of the smallest singular value of the
known coefficients and all local peaks of the weights, however small beside others. Each is refined to rounding, and is
a pole if the weights still grow, as it is approached, where the fields are last told apart. A peak of any height that
ends is none.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import torch
from torch import Tensor

from si_core.process.combination import Combination
from si_core.process.systems import ROUNDING

__all__ = ["find_poles", "grid"]

_CELLS, _TAIL, _PER_OCTAVE = 512, 16, 4
_DIP = 1.5
"""How much larger than a local minimum that may hide a zero one of its neighbours is. From the nearest point of a grid
the zero is at most half a cell away, and one and a half from a neighbour: ``|u - u0|`` rises threefold, and 1.5 leaves
room for what is added to it."""

_ZOOM_POINTS, _ZOOMS = 129, 6
"""The last bracket is ``2/512 (2/128)^6 = 6e-14`` wide: the rounding of positions, and far below the distances."""

_DISTANCES = (1e-1, 1e-2, 1e-3, 1e-4, 1e-5, 1e-6)
_GROWTH = 10.0
"""In a hundredth of the distance bounded weights grow by 1, those of a pole by 100 and more: half way between."""

_NOTHING = 1e-9
"""Weights below are 0 but for rounding: coefficients of fields in a clock are of about 1."""

_SAME = 1e-9
_EIGHTH = 0.125


@cache
def grid() -> Tensor:
    """Clock positions between the ends, shape (N,), float64: uniform, and towards the ends geometric."""
    even = torch.linspace(0.0, 1.0, _CELLS + 1, dtype=torch.float64)[1:-1]
    steps = torch.arange(1, (_TAIL - 9) * _PER_OCTAVE + 1, dtype=torch.float64)
    tail = torch.exp2(-steps / _PER_OCTAVE) / _CELLS
    return torch.cat([tail.flip(0), even, 1 - tail])


def find_poles(evaluate: Callable[[Tensor], Combination], found: Combination) -> tuple[float, ...]:
    """The clock positions of all poles in (0, 1), in order.

    Args:
        evaluate: the combination at clock positions (N,).
        found: what that gives on :func:`grid`.
    """
    which, chosen = _dips(_measures(found))
    if not len(chosen):
        return ()
    u, rank = grid(), _independent(found)
    places = _refined(lambda v: _measures(evaluate(v)), which, u[chosen - 1], u[chosen + 1])
    beside = torch.stack([rank[chosen - 1], rank[chosen + 1]], -1)
    poles = list[float]()
    for place in places[_grows(evaluate, places, beside)].sort().values.tolist():
        if not poles or place - poles[-1] > _SAME:
            poles.append(place)
    return tuple(poles)


def _rank(found: Combination, u: Tensor) -> Tensor:
    """How many known fields are told apart at clock positions u, shape (N,).

    Times have as many digits as positions, so coefficients that vanish with the distance d to an end are off by
    rounding beside it, or beside ``d^2`` in a clock of order 2.
    """
    distance = torch.minimum(u, 1 - u).unsqueeze(-1)
    return (found.singular > ROUNDING / distance.square()).sum(-1)


def _independent(found: Combination) -> Tensor:
    """How many known fields are independent but for single times, at the positions of the grid, shape (N,).

    Towards an end fewer and fewer may be told apart: within an eighth of it, as many are as at any position further in.
    """
    rank = _rank(found, grid())
    outer = int((grid() < _EIGHTH).sum())
    start, between, stop = rank[:outer], rank[outer:-outer], rank[-outer:]
    return torch.cat([start.flip(0).cummax(0).values.flip(0), between, stop.cummax(0).values])


def _measures(found: Combination) -> Tensor:
    """What may be 0 at a pole: the inverse of the weights' size, and each singular value; shape (M, N).

    The inverse is 0 where the coefficients of fields are not finite; large and flat where all weights are 0.
    """
    size = found.size
    inverse = torch.where(torch.isfinite(size), 1 / (size + _NOTHING), 0.0)
    return torch.cat([inverse.unsqueeze(0), found.singular.mT])


def _dips(measures: Tensor) -> tuple[Tensor, Tensor]:
    """The inner local minima near which a measure may be 0: which measure, and the indices; each (n,)."""
    middle, before, after = measures[:, 1:-1], measures[:, :-2], measures[:, 2:]
    beside = torch.maximum(before, after)
    least = (middle <= before) & (middle <= after) & (beside > _DIP * middle) & (beside > ROUNDING)
    which, index = least.nonzero().unbind(-1)
    return which, index + 1


def _refined(functions: Callable[[Tensor], Tensor], which: Tensor, low: Tensor, high: Tensor) -> Tensor:
    """Where one of several functions is least in each bracket, to rounding; shape (n,)."""
    parts = torch.linspace(0.0, 1.0, _ZOOM_POINTS, dtype=torch.float64)
    for _ in range(_ZOOMS):
        points = low[:, None] + (high - low)[:, None] * parts
        values = functions(points.flatten()).reshape(-1, *points.shape)
        own = which.reshape(1, -1, 1).expand(1, *points.shape)
        index = values.gather(0, own)[0].argmin(1, keepdim=True)
        low = points.gather(1, (index - 1).clamp_min(0)).flatten()
        high = points.gather(1, (index + 1).clamp_max(_ZOOM_POINTS - 1)).flatten()
    return points.gather(1, index).flatten()


def _grows(evaluate: Callable[[Tensor], Combination], places: Tensor, beside: Tensor) -> Tensor:
    """Whether the weights grow as each place is approached, from either side; shape (n,).

    What counts is the last hundredth of the distance in which as many fields are told apart as a cell further: closer,
        a
    zero of their determinant is one of rounding.

    Args:
        evaluate: the combination at clock positions.
        places: shape (n,).
        beside: how many fields are independent a cell to the left and a cell to the right, shape (n, 2).
    """
    room = torch.minimum(places, 1 - places).clamp_max(1 / _CELLS)
    offsets = torch.tensor([sign * d for sign in (-1, 1) for d in _DISTANCES], dtype=torch.float64)
    points = (places[:, None] + room[:, None] * offsets).flatten()
    found = evaluate(points)
    sizes = found.size.nan_to_num(torch.inf, torch.inf).reshape(len(places), 2, -1)
    growth = sizes[..., 2:] / sizes[..., :-2].clamp_min(_NOTHING)
    resolved = (_rank(found, points).reshape(sizes.shape) >= beside.unsqueeze(-1)).long().cumprod(-1)
    pairs = resolved[..., 2:].sum(-1, keepdim=True)
    last = growth.gather(-1, (pairs - 1).clamp_min(0))
    return ((last > _GROWTH) & (pairs > 0)).flatten(1).any(1)
