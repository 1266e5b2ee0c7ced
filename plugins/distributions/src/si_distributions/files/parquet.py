"""Reading .parquet files by pyarrow."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from si_core import DataError, UsageError
from si_distributions.files.contents import ACCEPTED, Contents, choose_columns, with_conditions
from si_distributions.files.damaged import reading_bytes
from si_distributions.files.index_columns import index_levels, without_index

__all__ = ["check_numeric", "column_texts", "numeric_columns", "opened_parquet", "parquet_names", "read_parquet"]


def read_parquet(
    path: Path,
    columns: Sequence[int | str] | None,
    label: int | str | None,
    where: str,
    conditions: Sequence[int | str] = (),
) -> Contents:
    """The columns chosen, with NaN for nulls, and the label's values.

    Numbers are float32 where all columns are, else float64.

    Raises:
        DataError: a damaged file, or a column that holds no numbers.
        UsageError: pyarrow is not installed.
    """
    with opened_parquet(path, where) as file:
        names = list(file.schema_arrow.names)
        skipped = index_levels(names, where) if columns is None else set()
        chosen, label_index = choose_columns(names, columns, label, where, conditions, skipped)
        wanted = [names[i] for i in chosen]
        for i in chosen:
            check_numeric(file.schema_arrow.field(i).type, names[i], where)
        values = _numbers(file, chosen)
        labels = None if label_index is None else column_texts(file, label_index)
    name = "label" if label_index is None else names[label_index]
    contents = Contents(values, labels, tuple(wanted), None, name)
    if columns is None:
        contents = without_index(contents, len(conditions), where)
    return with_conditions(contents, conditions)


def parquet_names(path: Path, where: str) -> tuple[str, ...]:
    """The names of the columns.

    Raises:
        DataError, UsageError: as for :func:`read_parquet`.
    """
    with opened_parquet(path, where) as file:
        return tuple(file.schema_arrow.names)


@contextmanager
def opened_parquet(path: Path, where: str) -> Iterator[Any]:
    """The file, as pyarrow opens it.

    Raises:
        DataError, UsageError: as for :func:`read_parquet`.
    """
    try:
        import pyarrow.parquet as pq
    except ImportError as error:
        fix = "pip install 'si-distributions[parquet]'"
        raise UsageError("reading .parquet files needs pyarrow", where=where, fix=fix) from error
    with reading_bytes(where, "the file is damaged or no Parquet file"), pq.ParquetFile(path) as file:
        yield file


def check_numeric(kind: Any, name: str, where: str) -> None:
    """Refuse a column of a type that is no number."""
    if not _is_numeric(kind):
        fix = "leave it out with columns, or name it as the label"
        raise DataError(f"column {name!r} holds no numbers", where=where, got=kind, allowed=ACCEPTED, fix=fix)


def numeric_columns(file: Any) -> list[bool]:
    """Which columns hold numbers."""
    return [_is_numeric(field.type) for field in file.schema_arrow]


def _is_numeric(kind: Any) -> bool:
    from pyarrow import types

    numeric = (types.is_integer, types.is_floating, types.is_decimal, types.is_boolean)
    return any(is_kind(kind) for is_kind in numeric)


def _column(read: Callable[[list[str]], Any], file: Any, index: int) -> Any:
    """A column by its place; pyarrow reads by name, and gives all columns of one name."""
    names = list(file.schema_arrow.names)
    return read([names[index]]).column(names[:index].count(names[index]))


def _numbers(file: Any, wanted: Sequence[int]) -> NDArray[np.generic]:
    """The columns of numbers, shape (N, k), filled in one by one: no second copy of the table is ever there."""
    import pyarrow as pa
    from pyarrow import types

    kinds = [file.schema_arrow.field(i).type for i in wanted]
    dtype = np.float32 if all(types.is_float32(kind) for kind in kinds) else np.float64
    values: NDArray[np.generic] = np.empty((file.metadata.num_rows, len(wanted)), dtype)
    row = 0
    for group in range(file.num_row_groups):
        for k, i in enumerate(wanted):
            column = _column(lambda names, group=group: file.read_row_group(group, columns=names), file, i)
            if types.is_boolean(column.type):
                column = column.cast("uint8")
            if types.is_decimal(column.type):
                column = column.cast("float64")
            values[row : row + len(column), k] = column.to_numpy()
        row += file.metadata.row_group(group).num_rows
    pa.default_memory_pool().release_unused()
    return values


def column_texts(file: Any, index: int) -> NDArray[np.generic]:
    """The values of a column; empty text where there is none."""
    column = _column(lambda names: file.read(columns=names), file, index)
    coded = column.combine_chunks().dictionary_encode()
    classes = coded.dictionary.to_pylist()
    places = coded.indices.fill_null(len(classes)).to_numpy(zero_copy_only=False)
    return np.array([*classes, *([""] if coded.null_count else [])])[places]
