"""The shift and scale between data space and model space, ``data = shift + scale * model``."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from si_core import DataError
from si_distributions.files.blocks import blocks

__all__ = ["Scaling", "Spread", "fixed", "standardising"]

Scaling = tuple[Tensor, Tensor]
"""Shift and scale, float64, each broadcasting to the event."""


def fixed(shift: float, scale: float) -> Scaling:
    """The same shift and scale for every entry."""
    return torch.tensor(shift, dtype=torch.float64), torch.tensor(scale, dtype=torch.float64)


def standardising(
    values: NDArray[np.generic], train: NDArray[np.int64], names: tuple[str, ...] | None, where: str
) -> Scaling:
    """The scaling that gives the training rows mean 0 and variance 1.

    Args:
        values: all rows.
        train: which of them are training rows.
        names: of the columns, where they have any.
        where: the file.

    Raises:
        DataError: as :meth:`Spread.scaling`.
    """
    spread = Spread(values.shape[1:], values.dtype)
    kept = np.zeros(len(values), dtype=bool)
    kept[train] = True
    for start, block in blocks(values):
        spread.add(block[kept[start : start + len(block)]])
    return spread.scaling(names, where)


class Spread:
    """Mean and standard deviation of rows that come in blocks.

    Rows (N, d) are tables: each column has its own mean and scale. Events of a higher rank are fields of one quantity:
    all entries share one mean and one scale.

    Moments of blocks about their own means are joined (Chan, Golub and LeVeque 1983): the rows are read once, and no
    offset takes digits from the variance. Means are taken about the first row: a sum of a constant has rounding errors
    that grow with the number of rows, and would be taken for its spread.

    Args:
        shape: of a row.
        dtype: of the rows, whose rounding a column must exceed to vary.
    """

    def __init__(self, shape: tuple[int, ...], dtype: np.dtype[np.generic]) -> None:
        self._table = len(shape) == 1
        self._eps = float(np.finfo(dtype).eps if dtype.kind == "f" else np.finfo(np.float64).eps)
        width = shape[0] if self._table else 1
        self._count, self._mean, self._total = 0, np.zeros(width), np.zeros(width)

    def add(self, rows: NDArray[np.generic]) -> None:
        """Take a block of rows in."""
        rows = rows.astype(np.float64, copy=False)
        rows = rows if self._table else rows.reshape(-1, 1)
        if not len(rows):
            return
        with np.errstate(over="ignore", invalid="ignore"):
            first = rows[0].copy()
            rows = rows - first
            offset = rows.mean(0)
            rows -= offset
            centre = first + offset
            away = centre - self._mean
            self._count += len(rows)
            self._mean += away * (len(rows) / self._count)
            self._total += np.square(rows, out=rows).sum(0) + away**2 * (len(rows) * (1 - len(rows) / self._count))

    @property
    def moments(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Mean and standard deviation, each (d,) or (1,)."""
        with np.errstate(over="ignore", invalid="ignore"):
            return self._mean, np.sqrt(self._total / self._count)

    def scaling(self, names: tuple[str, ...] | None, where: str) -> Scaling:
        """The scaling that gives the rows mean 0 and variance 1.

        Args:
            names: of the columns, where they have any.
            where: the file.

        Raises:
            DataError: a column that is constant up to rounding, ``std <= 10 eps |mean|``, or whose scale is 0 or
                infinite in float64.
        """
        mean, scale = self.moments
        constant = scale <= 10 * self._eps * np.abs(mean)
        for wrong, what in ((constant, "constant"), (~np.isfinite(scale), "boundless")):
            if wrong.any():
                raise _no_scale(what, wrong, mean, names, self._table, where)
        shift, size = (torch.from_numpy(moment if self._table else moment.reshape(())) for moment in (mean, scale))
        return shift, size


def _no_scale(
    what: str,
    wrong: NDArray[np.bool_],
    mean: NDArray[np.float64],
    names: tuple[str, ...] | None,
    table: bool,
    where: str,
) -> DataError:
    listed = ", ".join(names[i] if names else f"column {i}" for i in wrong.nonzero()[0][:5])
    got = f"{listed} ({int(wrong.sum())} of {wrong.size})" if table else f"{mean[0]:.10g} throughout"
    subject = "a constant column" if table else "constant data"
    if what == "boundless":
        subject = "a column" if table else "data"
        got = f"{listed}: the variance is beyond float64" if table else "the variance is beyond float64"
    return DataError(
        f"{subject} can't be standardised",
        where=where,
        got=got,
        allowed="columns that vary among the training rows, by more than rounding" if table else "values that vary",
        fix="leave it out with columns, or set standardise: false" if table else "set standardise: false",
    )
