"""Samples as tables: .csv and .parquet with the names of the columns, and what the samples were given as columns."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator, Mapping
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from si_core.errors import UsageError
from si_core.storage.atomic import write_atomic

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from si_core.contract.condition import ConditionSpec
    from si_core.contract.frame import Frame
    from si_core.models.samples import Samples

__all__ = ["TABLES", "check_table", "write_table"]

TABLES = (".csv", ".parquet")
_BLOCK = 2**14  # rows written at a time


def check_table(suffix: str, frame: Frame, specs: Mapping[str, ConditionSpec], where: str) -> tuple[str, ...]:
    """Refuse what can't be written as a table, before there are samples; the names of its columns.

    Raises:
        UsageError: events that are no rows, a name that a column and a condition share, or pyarrow is missing.
    """
    if len(frame.shape) != 1:
        got, fix = f"events of shape {frame.shape}", f"--out {Path(where).with_suffix('.npy')}"
        raise UsageError("only rows of numbers make a table", where="--out", got=got, fix=fix)
    if suffix == ".parquet":
        _pyarrow()
    columns = frame.columns or tuple(f"x{i}" for i in range(frame.shape[0]))
    shared = [name for name in _scalars(specs) if name in columns]
    if shared:
        got = f"{shared[0]!r} of both"
        fix = f"--out {Path(where).with_suffix('.npy')}"
        raise UsageError("a column and a condition have one name", where="--out", got=got, fix=fix)
    return columns


def write_table(
    path: Path,
    columns: tuple[str, ...],
    samples: Samples,
    specs: Mapping[str, ConditionSpec],
    typed: Callable[[NDArray[np.generic], int], NDArray[np.generic]] | None = None,
) -> None:
    """Write samples, and the labels and numbers they were given, whole or not at all.

    Numbers of text are the shortest that read back as the same ones.

    Args:
        path: a .csv or .parquet file.
        columns: the names of the entries of a sample.
        samples: finite ones, shape (n, d).
        specs: the conditions of the model.
        typed: gives the numbers of a column, by its place, another dtype.

    Raises:
        StorageError: the file can't be written.
    """
    x = samples.x.numpy()
    table: dict[str, Any] = {name: x[:, i] if typed is None else typed(x[:, i], i) for i, name in enumerate(columns)}
    for name in _scalars(specs):
        if samples.condition and name in samples.condition:
            values, classes = samples.condition[name].numpy(), specs[name].classes
            table[name] = values if classes is None else _names(values, classes)
    write_atomic(path, _parquet(table) if path.suffix == ".parquet" else _csv(table))


def _scalars(specs: Mapping[str, ConditionSpec]) -> list[str]:
    """The conditions that have a column: labels and numbers."""
    return [name for name, spec in specs.items() if not spec.shape]


def _names(labels: NDArray[np.int64], classes: tuple[str, ...]) -> NDArray[np.object_]:
    """The names of classes; none for a label that is left out."""
    import numpy as np

    return np.array([*classes, ""], dtype=object)[labels]


def _csv(table: Mapping[str, Any]) -> Callable[[BinaryIO], object]:
    def rows() -> Iterator[tuple[str, ...]]:
        for first in range(0, len(next(iter(table.values()))), _BLOCK):
            cells = [values[first : first + _BLOCK].astype(str).tolist() for values in table.values()]
            yield from zip(*(["" if cell == "nan" else cell for cell in column] for column in cells), strict=True)

    def write(file: BinaryIO) -> None:
        text = io.TextIOWrapper(file, encoding="utf-8", newline="")
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(table)
        writer.writerows(rows())
        text.flush()
        text.detach()

    return write


def _parquet(table: Mapping[str, Any]) -> Callable[[BinaryIO], object]:
    pyarrow = _pyarrow()
    columns = {
        name: pyarrow.array([cell or None for cell in values]) if values.dtype == object else pyarrow.array(values)
        for name, values in table.items()
    }

    def write(file: BinaryIO) -> None:
        pyarrow.parquet.write_table(pyarrow.table(columns), file)

    return write


def _pyarrow() -> Any:
    try:
        import_module("pyarrow.parquet")
    except ImportError as error:
        raise UsageError("writing .parquet files needs pyarrow", where="--out", fix="pip install pyarrow") from error
    return import_module("pyarrow")
