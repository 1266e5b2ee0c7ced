"""From draws to arrays that a picture can hold: thinning, frames and steps in time.

A set of a million draws is thinned before it is copied, by a generator with a fixed seed, so that memory stays
small and the same draws make the same picture. Thinning keeps the order.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from si_core import DataError

__all__ = [
    "Array",
    "Frame",
    "Indices",
    "cells",
    "column_bins",
    "count",
    "drawn",
    "indices",
    "moments_in_time",
    "plane_frame",
    "rice",
    "span",
    "subset",
]

Array = NDArray[np.float64]
Indices = NDArray[np.int64]
Frame = tuple[float, float]

MOST_STEPS = 400


def indices(total: int, limit: int) -> Indices:
    """Return ``min(total, limit)`` different indices below ``total`` in rising order, always the same ones."""
    if total <= limit:
        return np.arange(total)
    return np.sort(np.random.default_rng(0).choice(total, limit, replace=False, shuffle=False))


def subset(draws: Tensor, limit: int, what: str, at: Indices | None = None) -> Array:
    """Return at most ``limit`` of the draws (N, *event) as float64.

    Args:
        draws: the set, on any device and of any real dtype.
        limit: the largest number to return.
        what: the name of the set, for the error.
        at: the indices to take, instead of a thinning.

    Raises:
        DataError: a value that is not finite.
    """
    at = indices(len(draws), limit) if at is None else at
    chosen = draws.detach()
    if len(at) < len(draws):
        chosen = chosen[torch.as_tensor(at, device=draws.device)]
    array: Array = chosen.to("cpu", torch.float64).numpy()
    if not np.isfinite(array).all():
        raise DataError("a report shows finite values only", where=f"RunView.{what}", got="NaN or infinity")
    return array


def count(number: int) -> str:
    """Write a number of draws: ``20,000``."""
    return f"{number:,}"


def drawn(shown: Array, draws: Tensor) -> str:
    """Say how many draws are shown: ``20,000 draws``, or ``400,000 of 1,000,000 draws`` after a thinning."""
    of = f" of {count(len(draws))}" if len(shown) < len(draws) else ""
    return f"{count(len(shown))}{of} draw{'' if len(draws) == 1 else 's'}"


def span(*columns: Array, tail: float = 0.001, margin: float = 0.05) -> Frame:
    """Return an interval that holds all but a fraction ``tail`` at each end of every column, with a margin.

    A constant column gets half a unit (or a tenth of its size) on each side.
    """
    low = min(float(np.quantile(column, tail)) for column in columns)
    high = max(float(np.quantile(column, 1 - tail)) for column in columns)
    width = high - low
    if width <= 1e-9 * max(abs(low), abs(high), 1e-300):
        reach = max(0.5, 0.1 * abs(low)) if low != 0 else 0.5
        return low - reach, high + reach
    return low - margin * width, high + margin * width


def cells(frame: Frame, number: int, breakpoints: Sequence[float] = ()) -> Array:
    """Return edges of about ``number`` cells over a frame, one of them at each breakpoint within it.

    Between two breakpoints cells are equal, so that a density which is smooth there has the mass that the middles of
    the cells say. More breakpoints than cells are left out.
    """
    ends = [frame[0], *(value for value in breakpoints if frame[0] < value < frame[1]), frame[1]]
    if len(ends) - 1 > number:
        ends = [*frame]
    width = (frame[1] - frame[0]) / number
    pieces = [np.linspace(low, high, max(1, round((high - low) / width)) + 1)[:-1] for low, high in pairwise(ends)]
    return np.concatenate([*pieces, [frame[1]]])


def rice(number: int, low: int = 16, high: int = 80) -> int:
    """Return how many bins n draws are worth: about ``2 n^(1/3)`` (Rice's rule)."""
    return int(np.clip(round(2 * number ** (1 / 3)), low, high))


def column_bins(column: Array, frame: Frame, number: int) -> Array:
    """Return edges of bins for a column of data; where its values are multiples of a step, each bin has as many."""
    values = np.unique(column)
    if 2 < len(values) <= MOST_STEPS:
        step = float(np.diff(values).min())
        places = (values - values[0]) / step
        wide = (frame[1] - frame[0]) / step
        if np.abs(places - np.round(places)).max() < 1e-3 and wide <= 20 * MOST_STEPS:
            of_each = step * max(1, round(wide / (2 * number)) if wide > 2 * number else 1)
            first = values[0] - step / 2 - of_each * np.ceil(max(values[0] - step / 2 - frame[0], 0) / of_each)
            return first + of_each * np.arange(int(np.ceil((frame[1] - first) / of_each)) + 1)
    return np.linspace(*frame, number + 1)


def plane_frame(reference: list[Array], extra: list[Array]) -> tuple[Frame, Frame, bool]:
    """Return limits of both axes for point sets (N, 2), and whether one unit is equally long on both.

    The reference sets are shown whole, but for a thousandth at each end; the extra sets may widen the frame by half
    at most, so that a few stray samples don't shrink everything else to a dot. Sets much longer than wide get axes
    of their own.
    """
    limits: list[Frame] = []
    for axis in (0, 1):
        low, high = span(*(points[:, axis] for points in reference))
        reach = 0.5 * (high - low)
        if extra:
            wider = span(*(points[:, axis] for points in extra))
            low, high = min(low, max(wider[0], low - reach)), max(high, min(wider[1], high + reach))
        limits.append((low, high))
    widths = [high - low for low, high in limits]
    if max(widths) > 8 * min(widths):
        return limits[0], limits[1], False
    half = max(widths) / 2
    square = [(sum(frame) / 2 - half, sum(frame) / 2 + half) for frame in limits]
    return square[0], square[1], True


def moments_in_time(times: Tensor, number: int) -> list[int]:
    """Return the indices of at most ``number`` stored times, nearest to equal steps from the first to the last."""
    stored = times.detach().to("cpu", torch.float64).numpy()
    wanted = np.linspace(stored[0], stored[-1], number)
    return sorted({int(np.abs(stored - t).argmin()) for t in wanted})
