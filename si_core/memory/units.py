"""The units of numbers in memory: a shift and a scale that give them mean 0 and variance 1."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from si_core.errors import DataError

__all__ = ["units_of"]


def units_of(values: NDArray[np.float64], where: str) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean and standard deviation of the numbers that are there: of each column of a table (n, d), of all else at once.

    Moments are taken about the least number, so that what is constant has no spread.

    Args:
        values: shape (n, *event), NaN for what is missing; no column without a number.
        where: for errors.

    Raises:
        DataError: what is constant up to rounding, ``std <= 10 eps |mean|``.
    """
    axes = (0,) if values.ndim == 2 else None
    least = np.nanmin(values, axis=axes)
    away = values - least
    mean, std = least + np.nanmean(away, axis=axes), np.nanstd(away, axis=axes)
    constant = std <= 10 * np.finfo(np.float64).eps * np.abs(mean)
    if np.any(constant):
        got = ", ".join(f"column {i}" for i in np.flatnonzero(constant)[:5]) if values.ndim == 2 else f"{mean:.10g}"
        raise DataError(
            "constant numbers can't be standardised",
            where=where,
            got=got,
            allowed="numbers that vary, by more than rounding",
            fix="leave constant columns out, or give standardise=False",
        )
    return np.asarray(mean), np.asarray(std)
