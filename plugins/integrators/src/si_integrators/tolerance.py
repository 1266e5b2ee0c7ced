"""The tolerance of adaptive methods: the error of a step as one number, at most 1 where it is small enough.

    sqrt(mean((error / (atol + rtol size))^2)),    size = max(|x|, |x'|)

with the mean over the batch, or over each row, the worst of which then counts.
"""

from __future__ import annotations

import math
from typing import Literal, get_args

import torch
from torch import Tensor

from si_core import UsageError

__all__ = ["Norm", "Tolerance", "refuse"]

Norm = Literal["batch", "rows"]

_ROUNDINGS = 10.0


class Tolerance:
    """The scale of errors, and their norm.

    Args:
        rtol: the relative tolerance of a step; 10 roundings of the states' precision where it is below them.
        atol: the absolute tolerance of a step.
        norm: over what errors are averaged.
        x: states like those to come, shape (B, *event).
    """

    def __init__(self, rtol: float, atol: float, norm: Norm, x: Tensor) -> None:
        self._rtol, self._atol = max(rtol, _ROUNDINGS * torch.finfo(x.dtype).eps), atol
        self._rows = len(x) if norm == "rows" else None

    def scale(self, size: Tensor) -> Tensor:
        """The error that is tolerated for entries of a size, same shape; a fresh tensor."""
        return (size * self._rtol).add_(self._atol)

    def norm(self, ratio: Tensor) -> Tensor:
        """The size of errors in units of the scale, a scalar, summed in double precision."""
        if self._rows is None or ratio.numel() == 0:
            whole: Tensor = torch.linalg.vector_norm(ratio, dtype=torch.float64)
            return whole / math.sqrt(max(ratio.numel(), 1))
        rows = ratio.reshape(self._rows, -1)
        each: Tensor = torch.linalg.vector_norm(rows, dim=1, dtype=torch.float64)
        return each.max() / math.sqrt(rows.shape[1])


def refuse(where: str, rtol: float, atol: float, norm: Norm, first_step: float | None, max_steps: int) -> None:
    """Raise :class:`~si_core.UsageError` for options of an adaptive method that are out of their range."""
    whole = isinstance(max_steps, int) and not isinstance(max_steps, bool)
    for name, value, allowed, good in (
        ("rtol", rtol, "0 < rtol < 1", 0 < rtol < 1),
        ("atol", atol, "a finite number > 0", 0 < atol < math.inf),
        ("norm", norm, ", ".join(get_args(Norm)), norm in get_args(Norm)),
        ("first_step", first_step, "a finite number > 0", first_step is None or 0 < first_step < math.inf),
        ("max_steps", max_steps, "a whole number >= 1", whole and max_steps >= 1),
    ):
        if not good:
            raise UsageError("option out of range", where=where, got=f"{name}={value!r}", allowed=allowed)
