"""Standard errors over starts that follow each other in time, whose scores are correlated.

Starts lie in the order of series and times. They are cut into blocks of neighbours, as many as there are up to 20, and
at least 4 starts long; blocks that are longer than the correlation are nearly independent, so that

    ``SE(mean) = std(means of blocks) / sqrt(B)``,    ``SE(f)^2 = (B - 1)/B sum_b (f_(-b) - mean f_(-b))^2``

the second, the jackknife over blocks (Kunsch 1989), for anything that is no mean. With blocks shorter than the
correlation, or than the longest lead, they are too small: hold more out, or forecast from more starts.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

__all__ = ["blocks_of", "error_of_mean", "jackknife"]

_MOST, _SHORTEST = 20, 4


def blocks_of(starts: int, most: int = _MOST) -> list[NDArray[np.int64]]:
    """The starts of each block, in order; fewer than two blocks tell no error."""
    return np.array_split(np.arange(starts), max(1, min(most, starts // _SHORTEST)))


def error_of_mean(values: NDArray[np.float64]) -> float | None:
    """The standard error of the mean of values of starts, shape (S,); None where there are too few."""
    return jackknife(len(values), lambda rows: float(values[rows].mean()))


def jackknife(starts: int, statistic: Callable[[NDArray[np.int64]], float]) -> float | None:
    """The standard error of a statistic of starts; None where there are too few.

    Of a mean over blocks of equal length it is the formula above.
    """
    blocks = blocks_of(starts)
    if len(blocks) < 2:
        return None
    without = [np.concatenate([other for other in blocks if other is not block]) for block in blocks]
    values = np.array([statistic(rows) for rows in without])
    return float(np.sqrt((len(blocks) - 1) / len(blocks) * np.square(values - values.mean()).sum()))
