"""Reading .parquet files by pyarrow."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from si_core import DataError, UsageError
from si_distributions.files.contents import ACCEPTED, Contents, choose_columns, with_conditions

__all__ = ["read_parquet"]


def read_parquet(
    path: Path,
    columns: Sequence[int | str] | None,
    label: int | str | None,
    where: str,
    conditions: Sequence[int | str] = (),
) -> Contents:
    """The columns chosen, as float64 with NaN for nulls, and the label's values.

    Raises:
        DataError: a damaged file, or a column that holds no numbers.
        UsageError: pyarrow is not installed.
    """
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError as error:
        fix = "pip install 'si-distributions[parquet]'"
        raise UsageError("reading .parquet files needs pyarrow", where=where, fix=fix) from error
    try:
        with pq.ParquetFile(path) as file:
            names = list(file.schema_arrow.names)
            chosen, label_index = choose_columns(names, columns, label, where, conditions)
            wanted = [names[i] for i in chosen] + ([] if label_index is None else [names[label_index]])
            table = file.read(columns=wanted)
    except (pa.ArrowException, OSError) as error:
        detail = (str(error) or type(error).__name__).splitlines()[0]
        fix = "write or copy it again"
        raise DataError("the file is damaged or no Parquet file", where=where, got=detail, fix=fix) from error
    parts = []
    for name in wanted[: len(chosen)]:
        column = table.column(name)
        numeric = (
            pa.types.is_integer(column.type) or pa.types.is_float32(column.type) or pa.types.is_float64(column.type)
        )
        if not numeric:
            fix = "leave it out with columns, or name it as the label"
            raise DataError(
                f"column {name!r} holds no numbers", where=where, got=column.type, allowed=ACCEPTED, fix=fix
            )
        parts.append(column.to_numpy().astype(np.float64))
    labels = None
    if label_index is not None:
        cells = table.column(names[label_index]).to_pylist()
        labels = np.array(["" if cell is None else cell for cell in cells])
    name = "label" if label_index is None else names[label_index]
    return with_conditions(Contents(np.stack(parts, 1), labels, tuple(wanted[: len(chosen)]), None, name), conditions)
