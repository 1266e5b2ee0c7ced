"""What ``si.fit`` is given as target and source, as parts of a recipe: rows, functions, distributions, names."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import PurePath
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from si_core.contract.bounds import Bounds
from si_core.contract.distribution import Distribution
from si_core.discovery.build import build
from si_core.errors import DataError, UsageError
from si_core.memory.called import Called
from si_core.memory.conditions import Conditions, columns_taken, read_conditions
from si_core.memory.containers import column_names, is_frame
from si_core.memory.layout import Layout
from si_core.memory.rows import read_rows
from si_core.memory.units import units_of
from si_core.memory.words import of_rows

__all__ = ["Ends", "RowOptions", "read_ends"]

_FILES = (".csv", ".tsv", ".txt", ".npy", ".npz", ".gz", ".parquet", ".xlsx", ".json", ".pt")
_IN_MEMORY = "si-distributions/in-memory"


@dataclass(frozen=True)
class RowOptions:
    """How rows in memory become a distribution; see the component ``in-memory``."""

    held_out: float = 0.1
    split_seed: int = 0
    standardise: bool = True
    missing: str | None = None
    dtype: str = "float32"
    bounds: Mapping[Any, Any] | None = None

    def build(self, values: NDArray[np.generic], where: str = "X", **more: Any) -> Any:
        """The distribution of rows."""
        options: dict[str, Any] = {
            "held_out": self.held_out,
            "split_seed": self.split_seed,
            "standardise": self.standardise,
            "dtype": self.dtype,
        }
        options |= {} if self.missing is None else {"missing": self.missing}
        if self.bounds is not None:
            named = isinstance(self.bounds, Mapping)  # what is no mapping is refused as an option
            options["bounds"] = {str(name): each for name, each in self.bounds.items()} if named else self.bounds
        with of_rows(where, len(values)):
            return build("distribution", _IN_MEMORY, context={}, values=values, **options, **more)


@dataclass(frozen=True)
class Ends:
    """The ends of a process.

    Args:
        target: as a recipe takes it.
        source: as a recipe takes it; None where none was given.
        layout: how the rows of the target came.
    """

    target: Any
    source: Any
    layout: Layout


def read_ends(
    data: Any, source: Any, condition: Any, names: list[str] | tuple[str, ...] | None, options: RowOptions
) -> Ends:
    """The ends that were given.

    Two ends of rows are in one pair of units, those of both together: where they lie, and how far apart, stays.

    Args:
        data: the target.
        source: the source, or None.
        condition: what belongs to the rows of the target (:mod:`si_core.memory.conditions`).
        names: of the columns.
        options: how rows become distributions.

    Raises:
        DataError: rows that can't be used, or two ends of another shape.
        UsageError: conditions of a target that has no rows.
    """
    _refuse_containers(data, "X")
    _refuse_containers(source, "source")
    named = None if names is None else tuple(names)
    if _no_rows(data):
        if condition is not None or named is not None or options.bounds is not None:
            raise UsageError(
                "conditions, names and bounds belong to rows, and X has none",
                got=f"X: {type(data).__name__}",
                fix="a distribution gives conditions with its draws, by `draw`, and names and bounds in its frame",
            )
        target, layout = _law(data, "X", options), Layout()
        start = (
            source
            if source is None or _no_rows(source)
            else options.build(read_rows(source, where="source")[0], "source")
        )
        return Ends(target, _law(start, "source", options), layout)
    values, layout = read_rows(data, named, columns_taken(condition, data))
    found = read_conditions(condition, data, len(values))
    layout = _spoken(layout, found)
    more: dict[str, Any] = {
        "columns": None if layout.columns is None else [str(name) for name in layout.columns],
        "labels": found.labels or None,
        "conditions": found.values or None,
    }
    if source is None or _no_rows(source):
        return Ends(options.build(values, **more), _law(source, "source", options), layout)
    first = _source_rows(source, layout)
    if first.shape[1:] != values.shape[1:]:
        got = f"rows of shape {first.shape[1:]} and {values.shape[1:]}"
        raise DataError("source and X are of one shape", where="source", got=got)
    units = None
    if options.standardise:
        within = None if options.bounds is None else options.build(values, **more).frame.bounds
        units = _common_units(*(_free(rows, within) for rows in (values, first)))
    names_of_source = {"columns": more["columns"]} if options.bounds is not None else {}
    start = options.build(first, "source", units=units, **names_of_source)
    return Ends(options.build(values, **more, units=units), start, layout)


def _refuse_containers(data: Any, where: str) -> None:
    """Refuse columns in a dictionary, and files, which would be read as names of distributions."""
    if isinstance(data, Mapping) and not {"use", "in_memory"} & {*data}:
        raise DataError(
            "a dictionary that names no distribution",
            where=where,
            got=", ".join(map(str, data))[:80] or "nothing in it",
            allowed='an array, a data frame, or {"use": NAME, ...options}',
            fix=f"of columns: pandas.DataFrame({where}), or numpy.column_stack(list({where}.values()))",
        )
    if isinstance(data, PurePath) or (isinstance(data, str) and PurePath(data).suffix.lower() in _FILES):
        path = json.dumps(str(data))
        reader = "numpy.load" if PurePath(data).suffix in (".npy", ".npz") else "pandas.read_csv"
        told = f'{{"use": "array", "path": {path}}}'
        raise DataError(
            "a file, where its rows are wanted",
            where=where,
            got=str(data),
            fix=(f"si.fit({told})" if where == "X" else f"{where}={told}") + f", or {reader}({path}) for its rows",
        )


def _no_rows(data: Any) -> bool:
    return isinstance(data, Distribution | str | Mapping) or (callable(data) and not hasattr(data, "__array__"))


def _law(given: Any, where: str, options: RowOptions) -> Any:
    """A distribution, a name or a mapping as it is; a function as the distribution of its draws."""
    if given is None or isinstance(given, Distribution | str | Mapping | type):
        return given
    return Called(given, where, options.standardise, getattr(torch, options.dtype))


def _source_rows(source: Any, layout: Layout) -> NDArray[np.generic]:
    """The rows of a source; of a frame the columns of the target, in their order."""
    if is_frame(source) and layout.columns is not None:
        there = column_names(source)
        lacking = [str(name) for name in layout.columns if name not in there]
        if lacking:
            raise DataError("the source lacks columns of X", got=", ".join(lacking), allowed=", ".join(map(str, there)))
        return read_rows(source, layout.columns, where="source", like=layout)[0]
    return read_rows(source, where="source", like=layout)[0]


def _free(rows: NDArray[np.generic], bounds: Bounds | None) -> NDArray[np.generic]:
    """The numbers without bounds that stand for rows; what does not lie within is refused where rows are read."""
    if bounds is None:
        return rows
    found: NDArray[np.generic] = bounds.free(torch.from_numpy(rows.astype(np.float64))).numpy()
    return found


def _common_units(values: NDArray[np.generic], first: NDArray[np.generic]) -> tuple[Any, Any] | None:
    """Mean and scale of both ends together: of each column, or of everything where events have several axes.

    Of the numbers that are finite; rows with others are refused or dropped where they become a distribution. None where
    there are no such numbers.
    """
    both = np.concatenate([values.astype(np.float64), first.astype(np.float64)])
    both[~np.isfinite(both)] = np.nan
    if np.isnan(both).all(axis=(0,) if both.ndim == 2 else None).any():
        return None
    return units_of(both, "X and source")


def _spoken(layout: Layout, found: Conditions) -> Layout:
    return replace(layout, spoken=found.spoken)
