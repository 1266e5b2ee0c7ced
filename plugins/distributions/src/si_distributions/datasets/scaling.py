"""The shift and scale between data space and model space, ``data = shift + scale * model``."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from si_core import DataError

__all__ = ["Scaling", "fixed", "standardising"]

Scaling = tuple[Tensor, Tensor]
"""Shift and scale, float64, each broadcasting to the event."""


def fixed(shift: float, scale: float) -> Scaling:
    """The same shift and scale for every entry."""
    return torch.tensor(shift, dtype=torch.float64), torch.tensor(scale, dtype=torch.float64)


def standardising(rows: NDArray[np.generic], names: tuple[str, ...] | None, where: str) -> Scaling:
    """The scaling that gives rows mean 0 and variance 1.

    Rows (N, d) are tables: each column has its own mean and scale. Events of a higher rank are fields of one quantity:
    all entries share one mean and one scale.

    Raises:
        DataError: a constant column, which has no scale.
    """
    axes = (0,) if rows.ndim == 2 else None
    constant = np.atleast_1d(rows.max(axis=axes) == rows.min(axis=axes))
    if constant.any():
        listed = [names[i] if names else f"column {i}" for i in constant.nonzero()[0][:5]]
        raise DataError(
            "a constant column can't be standardised" if axes else "constant data can't be standardised",
            where=where,
            got=f"{', '.join(listed)} ({int(constant.sum())} of {constant.size})"
            if axes
            else f"{rows.flat[0]} throughout",
            allowed="columns that vary among the training rows",
            fix="leave it out with columns, or set standardise: false" if axes else "set standardise: false",
        )
    mean, scale = rows.mean(axis=axes, dtype=np.float64), rows.std(axis=axes, dtype=np.float64)
    return torch.as_tensor(mean), torch.as_tensor(scale)
