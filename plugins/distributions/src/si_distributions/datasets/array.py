"""Rows of a file as a distribution: the way to one's own data."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import Field

from si_distributions.datasets.missing import Missing
from si_distributions.datasets.tabular import Tabular
from si_distributions.files.read import read
from si_distributions.options import Precision

__all__ = ["Array"]


class Array(Tabular):
    """Draws with replacement from the rows of a .npy, .npz, .csv or .parquet file.

    An array (N, *event) gives draws of shape event; one of shape (N,) is a table with one column.

    Args:
        path: the file; in a recipe relative to the recipe, in a call to the current directory.
        key: the array of a .npz file that holds several.
        columns: names or indices of the columns to keep, in this order; all but the label and the conditions where left
            out.
        label: name or index of the column of class labels, given to networks under its name; for .npz also the key of
            an array of labels. Classes have the names of the file, numbers as a person writes them (0.000e+00 is 0).
        conditions: names or indices of further columns that networks are given, each a number; for .npz also keys of
            arrays (N, *shape).
        standardise: whether each column gets mean 0 and variance 1 (one mean and scale for all entries where the event
            has several axes).
        held_out: the fraction of the rows kept from training, for estimators.
        split_seed: which rows are held out.
        missing: what to do with rows in which something is missing or not finite: stop; drop them; or leave-out, which
            keeps those that lack a label or a condition alone (train.condition_dropout must name it).
        dtype: of the draws.

    Raises:
        DataError: a file that is missing, empty, damaged, or holds anything but finite numbers.
    """

    def __init__(
        self,
        path: Path,
        key: str | None = None,
        columns: list[int | str] | None = None,
        label: int | str | None = None,
        conditions: list[int | str] | None = None,
        standardise: bool = True,
        held_out: Annotated[float, Field(ge=0, lt=1)] = 0.1,
        split_seed: Annotated[int, Field(ge=0)] = 0,
        missing: Missing = "stop",
        dtype: Precision = "float32",
    ) -> None:
        where = str(path)
        super().__init__(
            read(where, key, columns, label, conditions or ()), standardise, held_out, split_seed, missing, dtype, where
        )
