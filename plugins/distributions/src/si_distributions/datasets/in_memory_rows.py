"""Rows of a data set that are kept in memory: bytes as they are, all else in model space."""

from __future__ import annotations

import hashlib

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from si_core import DataError, Frame
from si_distributions.datasets.storing import stored
from si_distributions.placement import Placed

__all__ = ["MemoryRows"]


class MemoryRows:
    """The training rows and those held out of an array, copied from it once.

    Args:
        values: all rows in data space.
        train: which of them are training rows.
        held: which are held out.
        units: of model space.
        dtype: of rows in model space.
        where: the file, for errors.
    """

    def __init__(
        self,
        values: NDArray[np.generic],
        train: NDArray[np.int64],
        held: NDArray[np.int64],
        units: Frame,
        dtype: torch.dtype,
        where: str,
    ) -> None:
        try:
            if values.dtype == np.uint8:
                both = stored(values, (train, held), lambda rows: rows, torch.uint8)  # the file is read once
            else:
                both = stored(values, (train, held), units.encode, dtype)
        except OverflowError as error:
            raise DataError(f"values beyond the range of {dtype}", where=where, fix="set standardise: true") from error
        self._train, self.held = Placed(both[: len(train)]), both[len(train) :]

    def train(self, index: Tensor) -> Tensor:
        """Training rows by index, on its device."""
        return self._train.rows(index)

    def update(self, digest: hashlib._Hash) -> None:
        """Add all rows to a digest."""
        for rows in (self._train.tensor, self.held):
            digest.update(f"{tuple(rows.shape)} {rows.dtype}".encode())
            digest.update(rows.contiguous().reshape(-1).numpy())
