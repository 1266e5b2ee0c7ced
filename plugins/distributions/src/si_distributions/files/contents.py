"""What a data file holds, and how its columns are chosen."""

from __future__ import annotations

import difflib
import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from si_core import DataError, refuse_beyond_memory
from si_distributions.files.row_store import RowStore

__all__ = ["Contents", "choose_columns", "near_name", "refuse_dtype", "with_conditions"]

ACCEPTED = "float16, float32, float64, whole numbers, or true and false"


@dataclass(frozen=True)
class Contents:
    """The rows of a file, as numbers.

    Args:
        values: shape (N, *event), in memory or where they lie.
        labels: one label a row as the file has it, shape (N,), or None.
        names: the names of the columns chosen, where the file has names.
        lines: the line of each row, where the file has lines.
        label_name: of the label's column, where it has a name.
        conditions: further columns, given to networks, by name, each (N, *shape).
    """

    values: NDArray[np.generic] | RowStore
    labels: NDArray[np.generic] | None = None
    names: tuple[str, ...] | None = None
    lines: Sequence[int] | NDArray[np.int64] | None = None
    label_name: str = "label"
    conditions: Mapping[str, NDArray[np.generic]] = field(default_factory=dict)

    @property
    def shape(self) -> tuple[int, ...]:
        """Of all rows, (N, *event)."""
        values = self.values
        return (len(values), *values.shape) if isinstance(values, RowStore) else tuple(values.shape)

    def loaded(self, where: str) -> NDArray[np.generic]:
        """All rows in memory, (N, *event).

        Raises:
            NumericsError: more than there is memory for.
        """
        if not isinstance(self.values, RowStore):
            return self.values
        size = math.prod(self.shape) * self.values.dtype.itemsize
        refuse_beyond_memory(size, "all rows at once", where=where, fix="a file of fewer rows")
        return self.values.loaded()

    def row(self, index: int) -> str:
        """How an error names a row, such as ``row 3 (line 5)``."""
        return f"row {index}" if self.lines is None else f"row {index} (line {self.lines[index]})"

    def described(self) -> str:
        """What is in use, such as ``60 rows of columns a, b; label tree``."""
        rows, event = self.shape[0], self.shape[1:]
        columns = f"columns {', '.join(self.names)}" if self.names else f"shape {event}"
        label = [] if self.labels is None else [f"label {self.label_name}"]
        conditions = [f"conditions {', '.join(self.conditions)}"] if self.conditions else []
        return "; ".join([f"{rows} rows of {columns}", *label, *conditions])


def choose_columns(
    names: Sequence[str],
    columns: Sequence[int | str] | None,
    label: int | str | None,
    where: str,
    given: Sequence[int | str] = (),
    skipped: Collection[int] = (),
) -> tuple[list[int], int | None]:
    """The indices of the columns to read, those of conditions last, and of the label.

    Args:
        names: of all columns; a table without names passes empty strings.
        columns: names or indices; None for all but the label and those of conditions.
        label: name or index of the label's column, or None.
        where: the file.
        given: names or indices of columns that networks are given.
        skipped: columns that are read only where they are named.

    Raises:
        DataError: a column that is not there, or one chosen twice.
    """
    label_index = None if label is None else _find(label, names, where)
    last = [_find(column, names, where) for column in given]
    if columns is None:
        chosen = [i for i in range(len(names)) if i != label_index and i not in last and i not in skipped]
    else:
        chosen = [_find(column, names, where) for column in columns]
    if not chosen:
        raise DataError("no column is left to read", where=where, fix="name at least one in columns")
    chosen += last
    repeated = {i for i in chosen if chosen.count(i) > 1} | ({label_index} & set(chosen))
    if repeated:
        first = min(i for i in repeated if i is not None)
        raise DataError("a column is chosen twice", where=where, got=repr(names[first] or first))
    return chosen, label_index


def _find(column: int | str, names: Sequence[str], where: str) -> int:
    if isinstance(column, str):
        if names.count(column) == 1:
            return names.index(column)
        repeated = column in names
        problem = f"{names.count(column)} columns have the name" if repeated else "no column has the name"
        known = ", ".join(name for name in names if name) or f"the file has no names: write indices 0..{len(names) - 1}"
        fix = "choose it by its index" if repeated else near_name(column, names)
        raise DataError(f"{problem} {column!r}", where=where, allowed=known, fix=fix)
    if isinstance(column, bool) or not isinstance(column, int) or not 0 <= column < len(names):
        raise DataError("no such column", where=where, got=repr(column), allowed=f"0..{len(names) - 1}")
    return column


def near_name(name: str, known: Iterable[str]) -> str | None:
    """A suggestion of the name that looks most like one that is not there; letters keep their case, as files do."""
    near = difflib.get_close_matches(name, list(known), 1)
    return f"did you mean {near[0]!r}?" if near else None


def with_conditions(contents: Contents, given: Sequence[int | str]) -> Contents:
    """The contents whose last columns are conditions, each a number a row, named as they were chosen."""
    if not given:
        return contents
    names, count = [f"column {name}" if isinstance(name, int) else name for name in given], contents.shape[1]
    count -= len(names)
    own = None if contents.names is None else contents.names[:count]
    columns = {name: contents.values[:, count + i].astype(np.float64) for i, name in enumerate(names)}
    return replace(contents, values=contents.values[:, :count], names=own, conditions=columns)


def refuse_dtype(dtype: np.dtype[np.generic], what: str, where: str) -> None:
    """Accept floats of 2, 4 or 8 bytes, integers, and truth values, which are 0 and 1.

    Raises:
        DataError: any other dtype, with the way out.
    """
    if dtype.hasobject:
        raise DataError(
            f"{what} holds Python objects, which are stored as a pickle and never loaded",
            where=where,
            allowed=ACCEPTED,
            fix="save a plain array: numpy.save(path, numpy.asarray(rows, dtype='float32'))",
        )
    if dtype.kind in "iub" or (dtype.kind == "f" and dtype.itemsize in (2, 4, 8)):
        return
    fixes = {
        "f": "array.astype('float64')",
        "c": "store real and imaginary part as two columns",
        "U": "name columns of text as the label, and store numbers as numbers",
    }
    raise DataError(
        f"{what} has a dtype that is no data", where=where, got=dtype, allowed=ACCEPTED, fix=fixes.get(dtype.kind)
    )
