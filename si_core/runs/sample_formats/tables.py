"""Samples as tables: .csv and .parquet with the names of the columns, and what the samples were given as columns."""

from __future__ import annotations

import csv
import io
from abc import abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from si_core.errors import UsageError
from si_core.models.samples import Samples
from si_core.runs.partial_samples import PartialSamples
from si_core.runs.sample_formats.base import Array, SampleFormat, class_names
from si_core.runs.sample_formats.numpy_files import conditions_of, write_side_weights
from si_core.storage.atomic import write_atomic

__all__ = ["CsvFile", "ParquetFile"]


@dataclass(frozen=True)
class _Table(SampleFormat):
    """Events (d,) as rows, and the labels and numbers that they were given; numbers of any dtype."""

    def check(self, out: Path) -> None:
        """Refuse events that are no rows, and a name that a column and a condition share."""
        shape, fix = self.form.frame.shape, f"--out {out.with_suffix('.npy')}"
        if len(shape) != 1:
            got = f"events of shape {shape}"
            raise UsageError("only rows of numbers make a table", where="--out", got=got, fix=fix)
        shared = [name for name in self._scalars if name in self._columns]
        if shared:
            got = f"{shared[0]!r} of both"
            raise UsageError("a column and a condition have one name", where="--out", got=got, fix=fix)

    def arrays(self, samples: Samples) -> dict[str, Array]:
        """The numbers as they are drawn: their columns may be of several dtypes."""
        given = {name: values for name, values in conditions_of(samples).items() if name in self._scalars}
        return {"x": samples.x.numpy()} | given

    def publish(self, partial: PartialSamples, out: Path, weights: Array | None) -> None:
        """Write the rows, and the weights beside them."""
        write_side_weights(out, weights)
        tables = self._tables(partial)
        write_atomic(out, lambda file: self._write(file, tables))

    @abstractmethod
    def _write(self, file: BinaryIO, tables: Iterator[dict[str, Array]]) -> None:
        """Write tables with the same columns one below the other."""

    @property
    def _columns(self) -> tuple[str, ...]:
        frame = self.form.frame
        return frame.columns or tuple(f"x{i}" for i in range(frame.shape[0]))

    @property
    def _scalars(self) -> list[str]:
        """The conditions that have a column: labels and numbers."""
        return [name for name, spec in self.form.specs.items() if not spec.shape]

    def _tables(self, partial: PartialSamples) -> Iterator[dict[str, Array]]:
        """Columns by name, of so many rows at a time."""
        typed = self.form.typed_column
        given = {name: partial.rows_of(name) for name in self._scalars if name in partial.forms}
        waiting: dict[str, Array] = {}
        for x in partial.rows_of("x"):
            table = {name: x[:, i] if typed is None else typed(x[:, i], i) for i, name in enumerate(self._columns)}
            for name, pieces in given.items():
                # Their rows are shorter, so that pieces of them are of more samples.
                while len(waiting.get(name, ())) < len(x):
                    piece = next(pieces)
                    waiting[name] = np.concatenate([waiting[name], piece]) if name in waiting else piece
                values, waiting[name] = waiting[name][: len(x)], waiting[name][len(x) :]
                classes = self.form.specs[name].classes
                table[name] = values if classes is None else class_names(values, classes)
            yield table


class CsvFile(_Table):
    """Text; numbers are the shortest that read back as the same ones, and what is missing is empty."""

    def _write(self, file: BinaryIO, tables: Iterator[dict[str, Array]]) -> None:
        text = io.TextIOWrapper(file, encoding="utf-8", newline="")
        writer, head = csv.writer(text, lineterminator="\n"), True
        for table in tables:
            if head:
                writer.writerow(table)
            head = False
            for first in range(0, len(next(iter(table.values()))), _ROWS):
                cells = [values[first : first + _ROWS].astype(str).tolist() for values in table.values()]
                writer.writerows(zip(*(["" if c == "nan" else c for c in column] for column in cells), strict=True))
        text.flush()
        text.detach()


class ParquetFile(_Table):
    """Columns of Apache Parquet; what is missing is null."""

    def check(self, out: Path) -> None:
        """Refuse what no table holds, and where pyarrow is not installed."""
        super().check(out)
        _pyarrow()

    def _write(self, file: BinaryIO, tables: Iterator[dict[str, Array]]) -> None:
        pyarrow, writer = _pyarrow(), None
        for table in tables:
            columns = {name: _column(pyarrow, values) for name, values in table.items()}
            made = pyarrow.table(columns)
            writer = writer or pyarrow.parquet.ParquetWriter(file, made.schema)
            writer.write_table(made)
        if writer is not None:
            writer.close()


_ROWS = 2**14
"""Of text that is made at a time."""


def _column(pyarrow: Any, values: Array) -> Any:
    if values.dtype.kind == "U":
        return pyarrow.array([cell or None for cell in values.tolist()], pyarrow.string())
    return pyarrow.array(values)


def _pyarrow() -> Any:
    try:
        import_module("pyarrow.parquet")
    except ImportError as error:
        raise UsageError("writing .parquet files needs pyarrow", where="--out", fix="pip install pyarrow") from error
    return import_module("pyarrow")
