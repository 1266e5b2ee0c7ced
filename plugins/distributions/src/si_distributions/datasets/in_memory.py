"""Rows of an array in memory as a distribution: what ``si.fit`` makes of arrays, tensors and data frames."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, get_args

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from si_core import DataError, Largest
from si_distributions.datasets.bounded import bounds_of
from si_distributions.datasets.missing import Missing
from si_distributions.datasets.tabular import Tabular
from si_distributions.files.contents import Contents
from si_distributions.options import Precision

__all__ = ["InMemory"]

_REFUSE: Missing = get_args(Missing)[0]


class InMemory(Tabular):
    """Draws with replacement from the rows of an array, by the rules of `array` for files.

    Args:
        values: shape (N, *event): floating-point or whole numbers.
        columns: the names of the columns of a table (N, d).
        labels: by name, a class for each row, shape (N,): whole numbers or text; networks are given them.
        conditions: by name, numbers for each row, shape (N, *shape); networks are given them.
        units: shift and scale between data space and model space, each broadcasting to the event, in place of those of
            the training rows: two ends of a process in the same units are told apart by where they lie.
        standardise: whether each column gets mean 0 and variance 1 (one mean and scale for all entries where the event
            has several axes).
        held_out: the fraction of the rows kept from training, for estimators.
        split_seed: which rows are held out.
        missing: what to do with rows that lack something, as for `array`.
        dtype: of the draws.
        bounds: of columns, by name or number, between which they lie, as for `array`: ``{width: [0, null]}``.

    Raises:
        DataError: an array without rows or without entries, or one that can't be data.
    """

    def __init__(
        self,
        values: np.ndarray,
        columns: list[str] | None = None,
        labels: dict[str, np.ndarray] | None = None,
        conditions: dict[str, np.ndarray] | None = None,
        units: tuple[np.ndarray, np.ndarray] | None = None,
        standardise: bool = True,
        held_out: Annotated[float, Field(ge=0, lt=1)] = 0.1,
        split_seed: Annotated[int, Field(ge=0, le=Largest.SEED)] = 0,
        missing: Missing = _REFUSE,
        dtype: Precision = "float32",
        bounds: dict[str, tuple[float | None, float | None]] | None = None,
    ) -> None:
        if values.ndim == 0 or 0 in values.shape:
            allowed = "shape (N, *event), all positive"
            raise DataError("there are no numbers in it", where="X", got=f"shape {values.shape}", allowed=allowed)
        for name, rows in {**(labels or {}), **(conditions or {})}.items():
            if len(rows) != len(values):
                raise DataError(
                    f"the condition {name!r} is one value a row", got=f"{len(rows)} for {len(values)} rows of X"
                )
        first, *further = (labels or {}).items() or [("label", None)]
        numbers: Mapping[str, NDArray[np.generic]] = conditions or {}
        names = None if columns is None else tuple(columns)
        contents = Contents(values, first[1], names, label_name=first[0], conditions=numbers)
        super().__init__(
            contents,
            standardise,
            held_out,
            split_seed,
            missing,
            dtype,
            "X",
            further=dict(further),
            units=units,
            bounds=None if bounds is None else bounds_of(bounds, contents.shape[1:], names, "X"),
        )
