"""Ranks of what is true among draws of what is believed: uniform where beliefs are calibrated.

For pairs (theta, x) of the joint law and L draws of ``q(. | x)`` that are independent of theta given x,

    ``r = #{l: f(theta_l, x) < f(theta, x)}``    is uniform on ``0..L``    if ``q = p(. | x)``

for any number f of theta and x. With f a parameter it is simulation-based calibration (Talts et al., arXiv 1804.06788);
with f the distance to a reference point it is TARP (Lemos et al., arXiv 2302.03026).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

__all__ = ["central_coverage", "chosen_bins", "histogram", "uniformity"]

_EXPECTED, _MOST_BINS = 10, 32


def chosen_bins(pairs: int, draws: int) -> int:
    """The most bins up to 32 that the draws + 1 ranks go evenly into and that expect ten pairs each; at least 2."""
    most = min(_MOST_BINS, pairs // _EXPECTED)
    fits = [bins for bins in range(2, draws + 2) if (draws + 1) % bins == 0]
    return max((bins for bins in fits if bins <= most), default=fits[0])


def histogram(ranks: NDArray[np.int64], draws: int, bins: int) -> NDArray[np.int64]:
    """How many ranks (N,) of 0..draws fall into each of equal bins."""
    return np.bincount(ranks * bins // (draws + 1), minlength=bins)


def uniformity(counts: NDArray[np.int64]) -> float:
    """The chance of a histogram as uneven as this where ranks are uniform, by the chi-square law."""
    from scipy.stats import chi2

    expected = counts.sum() / len(counts)
    return float(chi2.sf(np.square(counts - expected).sum() / expected, len(counts) - 1))


def central_coverage(ranks: NDArray[np.int64], draws: int, levels: Sequence[float]) -> dict[str, float]:
    """How often the truth lies in the central interval of the draws, by the interval's probability.

    The interval leaves out the m >= 1 lowest and as many highest of the draws + 1 ranks, m by the nearest level.
    """
    found = {}
    for level in levels:
        m = max(1, round((draws + 1) * (1 - level) / 2))
        nominal = 1 - 2 * m / (draws + 1)
        found[f"{nominal:.4g}"] = float(((ranks >= m) & (ranks <= draws - m)).mean())
    return found
