"""Poles of a completion between the ends of time: where its coefficients have no bound.

Known rows that become dependent at one time (their determinant is 0) give a pole there, unless the wanted row lies in
what is left of their span: then the singularity is removable. On a dense grid, closer towards the ends, the candidates
are all local minima of the smallest singular value of the rows (at which a determinant changes sign or touches 0) and
all local peaks of the coefficients, however small beside others. Each is refined to rounding, and is a pole if the
coefficients keep growing as it is approached, tenfold for each hundredth of the distance, which ``1/sqrt|u - u0|`` just
does. A peak of any height that ends is none.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import torch
from torch import Tensor

from si_core.process.combination import Combination

__all__ = ["find_poles", "grid"]

_CELLS, _TAIL, _PER_OCTAVE = 512, 16, 4
_ZOOM_POINTS, _ZOOMS = 33, 9
_DISTANCES = (1e-2, 1e-4, 1e-6)
_GROWTH = 8.0
"""Of ``1/sqrt|u - u0|`` in a hundredth of the distance it is 10, with some of a background."""

_PEAK = 1.4
_INDEPENDENT = 1e-7
_SAME = 1e-9
_RESOLVED = 1e-6


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
    u, poles = grid(), list[float]()
    rank = _generic_rank(found.singular)

    def singular(v: Tensor) -> Tensor:
        return evaluate(v).singular[:, rank - 1]

    def inverse_size(v: Tensor) -> Tensor:
        return _inverse(evaluate(v).size)

    sizes = _inverse(found.size)
    searches = [(inverse_size, sizes, _PEAK)]
    if rank > 1:
        searches.append((singular, found.singular[:, rank - 1], 0.0))
    for function, values, ratio in searches:
        chosen = _minima(values, ratio)
        if len(chosen):
            places = _refined(function, u[chosen - 1], u[chosen + 1])
            for place in places[_grows(evaluate, places, rank)].tolist():
                if all(abs(place - other) > _SAME for other in poles):
                    poles.append(place)
    return tuple(sorted(poles))


def _inverse(size: Tensor) -> Tensor:
    """``1/(size)``, 0 where the rows themselves are not finite; large and flat where all coefficients are about 0."""
    return torch.where(torch.isfinite(size), 1 / (size + 1e-12), 0.0)


def _generic_rank(singular: Tensor) -> int:
    """How many of the rows are independent but for single times."""
    if singular.shape[-1] == 0:
        return 0
    counts = (singular > _INDEPENDENT).sum(-1)
    return int(counts.median())


def _minima(values: Tensor, ratio: float) -> Tensor:
    """Indices of the inner local minima near which the function may be 0.

    Next to a zero of order 1 or 2, values rise by as much as they are on at least one side: others can't get there. In
    a peak of a pole, its inverse rises by a ratio.
    """
    middle, before, after = values[1:-1], values[:-2], values[2:]
    least = (middle <= before) & (middle <= after)
    rise = torch.maximum(before, after)
    steep = rise >= ratio * middle if ratio else rise - middle >= 0.5 * middle
    return (least & steep & (rise > middle)).nonzero().flatten() + 1


def _refined(function: Callable[[Tensor], Tensor], low: Tensor, high: Tensor) -> Tensor:
    """Where the function is least in each bracket, to rounding; shape (n,)."""
    parts = torch.linspace(0.0, 1.0, _ZOOM_POINTS, dtype=torch.float64)
    for _ in range(_ZOOMS):
        points = low[:, None] + (high - low)[:, None] * parts
        least = function(points.flatten()).reshape(points.shape).argmin(1)
        index = least[:, None]
        low = points.gather(1, (index - 1).clamp_min(0)).flatten()
        high = points.gather(1, (index + 1).clamp_max(_ZOOM_POINTS - 1)).flatten()
        best = points.gather(1, index).flatten()
    return best


def _grows(evaluate: Callable[[Tensor], Combination], places: Tensor, rank: int) -> Tensor:
    """Whether the coefficients keep growing as each place is approached, from either side; shape (n,).

    Next to an end at which their rank falls, rows are dependent to rounding: what happens there is a matter of the end.
    """
    room = torch.minimum(places, 1 - places).clamp_max(1 / _CELLS)
    offsets = torch.tensor([sign * d for sign in (-1, 1) for d in _DISTANCES], dtype=torch.float64)
    points = places[:, None] + room[:, None] * offsets
    sizes = evaluate(points.flatten()).size.nan_to_num(torch.inf, torch.inf).reshape(len(places), 2, -1)
    growth = sizes[..., 1:] / sizes[..., :-1].clamp_min(1e-300)
    found: Tensor = ((growth > _GROWTH) & (sizes[..., 1:] > _SAME)).flatten(1).any(1)
    if rank == 0:
        return found
    beside = evaluate(torch.cat([places - room / 2, places + room / 2])).singular[:, rank - 1]
    return found & ((room >= 1 / _CELLS) | (beside.reshape(2, -1).amin(0) > _RESOLVED))
