"""What every table shares: missing values, labels, the split, standardisation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType

import numpy as np
import torch
from numpy.typing import NDArray

from si_core import Bounds, ConditionSpec, DataError, Frame, UsageError
from si_distributions.datasets.bounded import refuse_outside
from si_distributions.datasets.labels import missing_labels, number_labels
from si_distributions.datasets.missing import Missing, whole_rows, with_means
from si_distributions.datasets.on_file import Storage, look_through, stays_on_file
from si_distributions.datasets.order import Order
from si_distributions.datasets.rows import Rows, split
from si_distributions.datasets.scaling import Scaling, fixed, standardising
from si_distributions.datasets.sides import warn_of_classes, warn_of_repeated_rows
from si_distributions.files.blocks import map_of
from si_distributions.files.contents import Contents
from si_distributions.files.row_store import FileState, MappedRows, RowStore
from si_distributions.options import Precision, precision

__all__ = ["Tabular"]


class Tabular(Rows):
    """A data set made of the contents of a file or a named table.

    Mean and scale come from the training rows, so that the rows held out stay unseen.

    Args:
        contents: values, labels and names.
        standardise: whether each column gets mean 0 and variance 1; see :func:`~.scaling.standardising`.
        held_out: the fraction of the rows kept from training.
        split_seed: which rows these are.
        missing: what to do with rows that lack a value, a label or a condition: refuse; drop them with a warning; put
            the mean of the training rows in the place of numbers; or keep those that lack nothing but labels and
            conditions, which are then left out (-1 and NaN).
        dtype: of the draws.
        where: the component or file, for errors.
        further: labels beside those of the contents, by name, each (N,).
        units: shift and scale in place of those of the training rows.
        bounds: between which the values lie (:class:`si_core.Bounds`): numbers without bounds then stand for them, and
            mean and scale are those of these.
        storage: whether rows are copied into memory or stay in the file that ``where`` names: auto, by their size.
        order: of the draws of training.
        workers: threads that read rows of later steps, where they stay on file.

    Attributes:
        dropped: the number of rows left out because something was missing or not finite.
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
        *,
        further: Mapping[str, NDArray[np.generic]] = MappingProxyType({}),
        units: tuple[NDArray[np.generic], NDArray[np.generic]] | None = None,
        bounds: Bounds | None = None,
        storage: Storage = "memory",
        order: Order = "replacement",
        workers: int = 0,
    ) -> None:
        if bounds is not None:
            storage = _in_memory(storage, where)
        store = _store(contents, storage, dtype, where)
        if store is None and isinstance(contents.values, RowStore):
            contents = replace(contents, values=contents.values.loaded())
        numbers, total = whole_rows(contents, missing, where), len(contents.values)
        self.dropped = total - len(numbers)
        if not standardise and contents.values.dtype == np.uint8:
            raise DataError(
                "pixel values 0..255 need a scale",
                where=where,
                got="uint8 with standardise: false",
                allowed="values of size about 1",
                fix="set standardise: true, or convert the array to float32 if these are counts",
            )
        train, held = split(len(numbers), held_out, split_seed, where)
        if bounds is not None:
            refuse_outside(contents, numbers, bounds, where)
        if self.dropped:
            # Rows keep their number in the file: a large one is never copied to leave some out.
            train, held = numbers[train], numbers[held]
        if missing == "mean":
            whole = with_means(contents, train, where)
            store, contents = (store if whole is contents else None), whole
        condition_values: dict[str, NDArray[np.generic]] = {}
        for name, rows in contents.conditions.items():
            # A condition is given as a whole or not at all.
            lacking = ~np.isfinite(rows.reshape(total, -1)).all(1)
            condition_values[name] = np.where(lacking.reshape(-1, *(1 for _ in rows.shape[1:])), np.nan, rows)
        conditions: dict[str, ConditionSpec] = {}
        own = {} if contents.labels is None else {contents.label_name: contents.labels}
        for name, labels in {**own, **further}.items():
            places, classes = _places(labels, numbers, where)
            warn_of_classes(places, classes, train, held, where)
            condition_values[name] = places
            conditions[name] = ConditionSpec(classes=classes)
        del numbers  # as long as the data have rows
        values: NDArray[np.generic] | RowStore = contents.values
        digest, scaling = b"", fixed(0.0, 1.0)
        if store is not None:
            look = look_through(store, train, held, contents.names, standardise and units is None, where)
            values, digest, scaling = store, look.digest, look.scaling or scaling
        else:
            warn_of_repeated_rows(contents.values, train, held, where)
            if standardise and units is None:
                scaling = _standardising(contents, train, bounds, where)
        if units is not None:
            scaling = (torch.as_tensor(units[0]), torch.as_tensor(units[1]))
        super().__init__(
            values,
            train,
            held,
            scaling,
            condition_values=condition_values,
            conditions=conditions | {name: _values(condition_values[name][train]) for name in contents.conditions},
            bounds=bounds,
            columns=contents.names if len(contents.shape) == 2 else None,
            dtype=dtype,
            order=order,
            workers=workers,
            digest=digest,
            where=where,
        )


def _standardising(contents: Contents, train: NDArray[np.int64], bounds: Bounds | None, where: str) -> Scaling:
    """The scaling of the training rows, or of the numbers without bounds that stand for them."""
    if bounds is None:
        return standardising(contents.values, train, contents.names, where)
    rows = torch.from_numpy(contents.values[train].astype(np.float64))
    columns = contents.names if rows.ndim == 2 else None
    free = Frame(tuple(rows.shape[1:]), columns=columns, bounds=bounds).encode(rows).numpy()
    return standardising(free, np.arange(len(free)), contents.names, where)


def _in_memory(storage: Storage, where: str) -> Storage:
    if storage == "file":
        raise UsageError(
            "rows with bounds are kept in memory", where=f"{where}: storage", got="file", allowed="memory or auto"
        )
    return "memory"


def _store(contents: Contents, storage: str, dtype: str, where: str) -> RowStore | None:
    """The rows where they lie, if they are on file and stay there; None where they are copied into memory."""
    values = contents.values
    kept = torch.uint8 if values.dtype == np.uint8 else precision(dtype, where)
    if not stays_on_file(storage, len(values), contents.shape[1:], kept, where):
        return None
    if isinstance(values, RowStore):
        return values
    if map_of(values) is not None:
        return MappedRows(values, FileState(where))
    if storage == "file":
        raise UsageError(
            "rows of this file can't be read one by one",
            where=f"{where}: storage",
            got="file",
            allowed="a .npy file, or an array of a .npz file that is not compressed, whose columns lie evenly spaced; "
            "or a file whose reader reads them so",
            fix="save it by numpy.save, or as parts for shards",
        )
    return None


def _places(
    labels: NDArray[np.generic], numbers: NDArray[np.int64], where: str
) -> tuple[NDArray[np.int64], tuple[str, ...]]:
    """The place of each row's class, -1 where it has none or is not kept, and the names of the classes."""
    given = numbers[~missing_labels(labels)[numbers]]
    places = np.full(len(labels), -1, dtype=np.int64)
    places[given], classes = number_labels(labels[given], len(given), where)
    return places, classes


def _values(rows: NDArray[np.generic]) -> ConditionSpec:
    """A condition of values, with the mean and scale of the training rows."""
    numbers = rows.astype(np.float64)
    numbers = numbers[np.isfinite(numbers)]
    if not len(numbers):
        return ConditionSpec(tuple(rows.shape[1:]))
    # About the first of them: what is constant has no spread then, not that of a sum's rounding.
    away = numbers - numbers[0]
    return ConditionSpec(tuple(rows.shape[1:]), mean=float(numbers[0] + away.mean()), scale=float(away.std()) or 1.0)
