"""Files of forecasts.

``.npy``      the array (members, starts, steps, *event); the leads 1, ..., steps beside it in ``NAME.leads.npy``
``.npz``      ``x``, that array; ``lead``, (steps,); ``row`` and ``series``, (starts,), the newest state of each start;
              ``time``, (starts, steps), where the times to come are known
``.csv``      a row for each member, start and lead: ``member``, ``start``, ``series`` where there are several, ``row``,
``.parquet``  ``lead``, ``time`` where it is known, and the columns of the state
"""

from __future__ import annotations

import csv
import io
import zipfile
from abc import ABC, abstractmethod
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from si_core import StorageError, UsageError
from si_core.public.runs import PartialSamples, RunDirectory
from si_core.public.storage import write_atomic
from si_forecast.data.series_data import dates
from si_forecast.rolling.roll_out import RollOut

__all__ = ["ForecastWriter", "checked_out", "writer_of"]

_OWN = ("member", "start", "series", "row", "lead", "time")
"""Columns of a table beside those of the state."""


def checked_out(out: Path) -> None:
    """Refuse a file that can't be written, before anything is loaded.

    Raises:
        UsageError: another format, or a name that a run keeps for itself.
        StorageError: no folder to write in.
    """
    if out.suffix not in _WRITERS:
        allowed = ", ".join(_WRITERS)
        raise UsageError("another format", where="--out", got=str(out), allowed=allowed, fix="--out forecast.npy")
    if not out.parent.is_dir():
        raise StorageError("no such folder", where="--out", got=str(out.parent), fix=f"mkdir -p {out.parent}")
    if RunDirectory(out.parent).keeps(out):
        raise UsageError("a run keeps a file of its own there", where="--out", got=str(out), fix="another name")


def writer_of(out: Path, asked: RollOut) -> ForecastWriter:
    """The writer of a file by its suffix.

    Raises:
        UsageError: what is asked for can't be written so.
    """
    return _WRITERS[out.suffix](asked)


class ForecastWriter(ABC):
    """Makes a file of all trajectories.

    Args:
        asked: the forecasts.
    """

    def __init__(self, asked: RollOut) -> None:
        self.asked = asked

    @abstractmethod
    def publish(self, partial: PartialSamples, out: Path) -> None:
        """Make the file of all rows (steps, *event), whole or not at all.

        Raises:
            StorageError: it can't be written.
        """

    @property
    def shape(self) -> tuple[int, ...]:
        """Of the whole array."""
        asked = self.asked
        return asked.members, len(asked.starts), asked.steps, *asked.model.process.shape

    @property
    def times(self) -> NDArray[Any] | None:
        """Of what is forecast, shape (S, steps): dates or numbers; None where they are not known."""
        starts = self.asked.starts
        found = starts.times_ahead(self.asked.steps)
        return dates(found) if found is not None and starts.dated else found


class _Npy(ForecastWriter):
    def publish(self, partial: PartialSamples, out: Path) -> None:
        leads = np.arange(1, self.asked.steps + 1)
        write_atomic(out.with_suffix(".leads.npy"), _bytes(leads))
        write_atomic(out, lambda file: _write_array(file, partial, self.shape))


class _Npz(ForecastWriter):
    def publish(self, partial: PartialSamples, out: Path) -> None:
        starts = self.asked.starts
        beside: dict[str, NDArray[Any]] = {
            "lead": np.arange(1, self.asked.steps + 1),
            "row": starts.rows,
            "series": np.array(starts.series),
        }
        if self.times is not None:
            beside["time"] = self.times

        def write(file: BinaryIO) -> None:
            # Members of a fixed date: equal forecasts are equal bytes.
            with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
                with archive.open(zipfile.ZipInfo("x.npy"), "w", force_zip64=True) as member:
                    _write_array(member, partial, self.shape)
                for name, values in beside.items():
                    archive.writestr(zipfile.ZipInfo(f"{name}.npy"), _bytes(values))

        write_atomic(out, write)


class _Table(ForecastWriter):
    def __init__(self, asked: RollOut) -> None:
        super().__init__(asked)
        frame = asked.model.process.target.frame
        if len(frame.shape) != 1:
            got = f"states of shape {frame.shape}"
            raise UsageError("only rows of numbers make a table", where="--out", got=got, fix="--out forecast.npy")
        self.columns = frame.columns or tuple(f"x{i}" for i in range(frame.shape[0]))
        shared = [name for name in self.columns if name in _OWN]
        if shared:
            got, fix = repr(shared[0]), "--out forecast.npz"
            raise UsageError("a column of the state has a name of the table's own", where="--out", got=got, fix=fix)

    def tables(self, partial: PartialSamples) -> Iterator[dict[str, NDArray[Any]]]:
        """Columns by name, of some trajectories at a time."""
        starts, steps = self.asked.starts, self.asked.steps
        names, times, first = np.array(starts.series), self.times, 0
        for piece in partial.rows_of("x"):
            number = np.repeat(np.arange(first, first + len(piece)), steps)
            start, lead = number % len(starts), np.tile(np.arange(steps), len(piece))
            table: dict[str, NDArray[Any]] = {"member": number // len(starts), "start": start}
            if len(set(starts.series)) > 1:
                table["series"] = names[start]
            table |= {"row": starts.rows[start], "lead": lead + 1}
            if times is not None:
                table["time"] = times[start, lead]
            table |= {name: piece[:, :, i].reshape(-1) for i, name in enumerate(self.columns)}
            yield table
            first += len(piece)


class _Csv(_Table):
    def publish(self, partial: PartialSamples, out: Path) -> None:
        def write(file: BinaryIO) -> None:
            text = io.TextIOWrapper(file, encoding="utf-8", newline="")
            writer, head = csv.writer(text, lineterminator="\n"), True
            for table in self.tables(partial):
                if head:
                    writer.writerow(table)
                head = False
                writer.writerows(zip(*(values.astype(str).tolist() for values in table.values()), strict=True))
            text.flush()
            text.detach()

        write_atomic(out, write)


class _Parquet(_Table):
    def __init__(self, asked: RollOut) -> None:
        super().__init__(asked)
        _pyarrow()

    def publish(self, partial: PartialSamples, out: Path) -> None:
        def write(file: BinaryIO) -> None:
            pyarrow, writer = _pyarrow(), None
            for table in self.tables(partial):
                made = pyarrow.table({name: pyarrow.array(values) for name, values in table.items()})
                writer = writer or pyarrow.parquet.ParquetWriter(file, made.schema)
                writer.write_table(made)
            if writer is not None:
                writer.close()

        write_atomic(out, write)


_WRITERS: dict[str, type[ForecastWriter]] = {".npy": _Npy, ".npz": _Npz, ".csv": _Csv, ".parquet": _Parquet}


def _bytes(values: NDArray[Any]) -> bytes:
    buffer = io.BytesIO()
    np.lib.format.write_array(buffer, values, allow_pickle=False)
    return buffer.getvalue()


def _write_array(file: Any, partial: PartialSamples, shape: tuple[int, ...]) -> None:
    """The array of all trajectories: their rows lie in its order, so that only the header is another."""
    header = {"descr": partial.forms["x"].dtype, "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(file, header)
    for piece in partial.rows_of("x"):
        file.write(piece.tobytes())


def _pyarrow() -> Any:
    try:
        import_module("pyarrow.parquet")
    except ImportError as error:
        fix = "pip install 'si-forecast[parquet]'"
        raise UsageError("writing .parquet files needs pyarrow", where="--out", fix=fix) from error
    return import_module("pyarrow")
