"""What every table shares: missing values, labels, the split, standardisation."""

from __future__ import annotations

import logging
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from si_core import ConditionSpec, DataError, UsageError
from si_distributions.datasets.labels import number_labels
from si_distributions.datasets.rows import Rows, split
from si_distributions.datasets.scaling import fixed, standardising
from si_distributions.files.contents import Contents
from si_distributions.options import Precision

__all__ = ["Missing", "Tabular"]

Missing = Literal["stop", "drop"]
_log = logging.getLogger(__name__)


class Tabular(Rows):
    """A data set made of the contents of a file or a named table.

    Mean and scale come from the training rows, so that the rows held out stay unseen.

    Args:
        contents: values, labels and names.
        standardise: whether each column gets mean 0 and variance 1; see :func:`~.scaling.standardising`.
        held_out: the fraction of the rows kept from training.
        split_seed: which rows these are.
        missing: what to do with rows that are not finite: stop, or drop them with a warning.
        dtype: of the draws.
        where: the component or file, for errors.

    Attributes:
        dropped: the number of rows left out because they were not finite.
    """

    def __init__(
        self,
        contents: Contents,
        standardise: bool,
        held_out: float,
        split_seed: int,
        missing: Missing,
        dtype: Precision,
        where: str,
    ) -> None:
        numbers = _finite_rows(contents, missing, where)
        values, total = contents.values[numbers], len(contents.values)
        self.dropped = total - len(values)
        if not standardise and values.dtype == np.uint8:
            raise DataError(
                "pixel values 0..255 need a scale",
                where=where,
                got="uint8 with standardise: false",
                allowed="values of size about 1",
                fix="set standardise: true, or convert the array to float32 if these are counts",
            )
        told: dict[str, NDArray[np.generic]] = {name: rows[numbers] for name, rows in contents.conditions.items()}
        conditions: dict[str, ConditionSpec] = {}
        if contents.labels is not None:
            labels, classes = number_labels(contents.labels, total, where)
            told[contents.label_name] = labels[numbers]
            conditions[contents.label_name] = ConditionSpec(classes=classes)
        train, held = split(len(values), held_out, split_seed, where)
        scaling = standardising(values[train], contents.names, where) if standardise else fixed(0.0, 1.0)
        super().__init__(
            values,
            train,
            held,
            scaling,
            told=told,
            conditions=conditions | {name: _values(told[name][train]) for name in contents.conditions},
            names=contents.names,
            numbers=numbers,
            dtype=dtype,
            where=where,
        )


def _values(rows: NDArray[np.generic]) -> ConditionSpec:
    """A condition of values, with the mean and scale of the training rows."""
    numbers = rows.astype(np.float64)
    return ConditionSpec(tuple(rows.shape[1:]), mean=float(numbers.mean()), scale=float(numbers.std()) or 1.0)


def _flat(values: NDArray[np.generic]) -> NDArray[np.generic]:
    return values.reshape(len(values), -1)


def _finite_rows(contents: Contents, missing: Missing, where: str) -> NDArray[np.int64]:
    """The numbers of the rows to keep."""
    if missing not in ("stop", "drop"):
        raise UsageError("unknown policy", where=f"{where}: missing", got=repr(missing), allowed="stop, drop")
    parts = [contents.values, *contents.conditions.values()]
    rows = np.concatenate([*map(_flat, parts)], 1) if len(parts) > 1 else _flat(parts[0])
    finite = np.isfinite(rows) if rows.dtype.kind == "f" else np.ones(rows.shape, dtype=bool)
    good = finite.all(1)
    if good.all():
        return np.arange(len(rows))
    bad, first = int((~good).sum()), int((~good).argmax())
    if missing == "drop" and good.any():
        _log.warning("%s: dropped %d of %d rows that are missing or not finite", where, bad, len(rows))
        return np.flatnonzero(good)
    entry = int((~finite[first]).argmax())
    names = (*contents.names, *contents.conditions) if contents.names else None
    position = f"column {names[entry]!r}" if names else f"entry {entry}"
    raise DataError(
        "values that are missing or not finite",
        where=where,
        got=f"{bad} of {len(rows)} rows; first {contents.row(first)}, {position}: {rows[first, entry]}",
        fix="repair the file" + (", or set missing: drop" if good.any() else "; no row is whole"),
    )
