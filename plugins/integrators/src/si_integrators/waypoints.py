"""Grids that pass through given times.

A grid is a map from the number of a step to its time. Here it is bent so that the numbers at which the given times
stand become whole ones: steps between two of them are stretched or shrunk alike, so that equal steps stay equal between
them and a grid that is finer somewhere stays finer there.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

__all__ = ["through"]


def through(grid: list[float], times: Sequence[float]) -> tuple[list[float], list[int]]:
    """A grid with the same ends, as many steps where possible, and given inner times among its own.

    Args:
        grid: times in order, up or down.
        times: inner times in the same order.

    Returns:
        The grid, and the positions of the times in it. It has more steps than before where the times need them.
    """
    if not len(times):
        return grid, []
    sign = 1.0 if grid[-1] > grid[0] else -1.0
    known, numbers = sign * np.asarray(grid, dtype=np.float64), np.arange(len(grid), dtype=np.float64)
    wanted = np.interp(sign * np.asarray(times, dtype=np.float64), known, numbers)
    kept: list[int] = []
    for k, number in enumerate(wanted.tolist(), 1):
        # Each time needs a step of its own, and leaves one for each that follows where there are enough.
        latest = len(grid) - 1 - (len(wanted) + 1 - k)
        kept.append(max(kept[-1] + 1 if kept else 1, min(round(number), latest)))
    steps = max(len(grid) - 1, kept[-1] + 1)
    at = np.interp(np.arange(steps + 1), [0, *kept, steps], [0.0, *wanted, numbers[-1]])
    bent = (sign * np.interp(at, numbers, known)).tolist()
    for position, time in zip([0, *kept, steps], [grid[0], *times, grid[-1]], strict=True):
        bent[position] = float(time)
    return bent, kept
