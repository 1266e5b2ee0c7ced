"""What both sides of a split should and should not share: classes, and no rows."""

from __future__ import annotations

import logging

import numpy as np
from numpy.typing import NDArray

from si_distributions.files.blocks import blocks
from si_distributions.files.marks import Marks

__all__ = ["warn_of_classes", "warn_of_repeated_rows"]

_log = logging.getLogger(__name__)


def warn_of_repeated_rows(
    values: NDArray[np.generic], train: NDArray[np.int64], held: NDArray[np.int64], where: str
) -> None:
    """Say how many of the rows held out occur among the training rows as well, byte for byte."""
    if not len(held):
        return
    marks = Marks(len(values), values.shape[1:], values.dtype)
    for start, block in blocks(values):
        marks.add(start, block)
    marks.warn(train, held, where)


def warn_of_classes(
    labels: NDArray[np.int64],
    classes: tuple[str, ...],
    train: NDArray[np.int64],
    held: NDArray[np.int64],
    where: str,
) -> None:
    """Name the classes that only one side of the split has; labels of -1 are no class."""
    if not len(held):
        return
    here, there = (set(np.unique(labels[side]).tolist()) - {-1} for side in (train, held))
    for only, side, other in (
        (here - there, "training rows", "rows held out"),
        (there - here, "rows held out", "training rows"),
    ):
        if only:
            listed = ", ".join(classes[i] for i in sorted(only)[:5]) + (", ..." if len(only) > 5 else "")
            _log.warning("%s: classes among the %s alone, none among the %s: %s", where, side, other, listed)
