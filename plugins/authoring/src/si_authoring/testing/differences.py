"""Derivatives by differences, with an estimate of their own error: a witness of those written or traced."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

__all__ = ["central_difference", "steep_inside"]

_WEIGHTS = {1: 4 / 5, 2: -1 / 5, 3: 4 / 105, 4: -1 / 280}
_STEP = 1e-3
_FLOOR = 1e-9
_SAFETY = 8.0


def central_difference(function: Callable[[Tensor], Tensor], t: Tensor) -> tuple[Tensor, float]:
    """The derivative of a function of time by eighth-order central differences in float64.

    Args:
        function: maps times (N,) to values (N, *rest).
        t: times, at least ``4e-3`` inside the function's domain.

    Returns:
        The derivative (N, *rest), and how far it may be off: what halving the step changes, and rounding. At a kink
        that is large, so a function need not be smooth everywhere to be compared.
    """
    coarse, fine = _difference(function, t, _STEP), _difference(function, t, _STEP / 2)
    change = float((coarse - fine).abs().max()) if coarse.numel() else 0.0
    return fine, _SAFETY * change + _FLOOR * (1 + float(fine.abs().max()) if fine.numel() else 1.0)


def _difference(function: Callable[[Tensor], Tensor], t: Tensor, h: float) -> Tensor:
    total = torch.zeros(())
    for k, weight in _WEIGHTS.items():
        total = total + weight * (function(t + k * h) - function(t - k * h))
    return total / h


def steep_inside(u: Tensor) -> Tensor:
    """Which clock positions are far enough from the ends for differences."""
    return (u > 0.05) & (u < 0.95)
