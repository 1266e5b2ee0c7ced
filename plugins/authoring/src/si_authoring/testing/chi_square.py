"""Quantiles of the chi-square law, for the scatter of a few runs."""

from __future__ import annotations

import torch

__all__ = ["chi_square_interval"]


def chi_square_interval(freedom: int, level: float) -> tuple[float, float]:
    """The values below and above which a chi-square number lies with probability ``level`` each.

    Args:
        freedom: the degrees of freedom.
        level: the probability of either tail.
    """
    return _quantile(freedom, level), _quantile(freedom, 1 - level)


def _quantile(freedom: int, probability: float) -> float:
    low, high = 0.0, 100.0 + 10.0 * freedom
    half = torch.tensor(freedom / 2, dtype=torch.float64)
    for _ in range(80):
        middle = (low + high) / 2
        below = float(torch.special.gammainc(half, torch.tensor(middle / 2, dtype=torch.float64))) < probability
        low, high = (middle, high) if below else (low, middle)
    return (low + high) / 2
