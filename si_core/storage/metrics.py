"""metrics.jsonl: the numbers of a run, one JSON record a line, in order of the step.

A run that was interrupted and resumed leaves the same bytes as one that was not. Two rules make that hold: a record
holds nothing that varies between runs (wall times go to the log and to a file of their own), and all records of a step
are written and synced before the checkpoint of that step, so that resuming from step n is to drop the records after
step n.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

from si_core.errors import NumericsError, StorageError, UsageError
from si_core.storage.atomic import storage_error
from si_core.storage.own_files import open_own, read_own

__all__ = ["MetricsWriter", "read_metrics"]


class MetricsWriter:
    """Appends records to a file; each is one write, so a reader and a kill see whole lines but for the last.

    Args:
        path: the file; made if absent. An unfinished last line of a killed writer is dropped.

    Raises:
        StorageError: the file can't be written, is damaged, or a link stands in its place.
    """

    def __init__(self, path: Path) -> None:
        self.path = Path(path)
        try:
            self._file = os.fdopen(open_own(self.path, os.O_RDWR | os.O_APPEND), "ab+", buffering=0)
        except OSError as error:
            raise storage_error(self.path, error) from error
        try:
            self.truncate_to(None)
        except BaseException:
            self._file.close()
            raise

    def write(self, record: Mapping[str, Any]) -> None:
        """Append a record: a whole number ``step`` and whatever was measured (finite numbers, text, lists, dicts).

        Raises:
            NumericsError: a number that is not finite; nothing is written.
            UsageError: no ``step``, or a value that is not of JSON.
            StorageError: the line can't be written; the file is as before.
        """
        step = record.get("step")
        if isinstance(step, bool) or not isinstance(step, int):
            raise UsageError("a record needs a step", where=str(self.path), got=repr(step), allowed="a whole number")
        _check(record, "", step)
        line = json.dumps(record, allow_nan=False, ensure_ascii=False).encode() + b"\n"
        try:
            before = os.fstat(self._file.fileno()).st_size
            try:
                if self._file.write(line) != len(line):
                    raise StorageError("the line was cut short: the disk may be full", where=str(self.path))
            except (OSError, StorageError):
                os.ftruncate(self._file.fileno(), before)
                raise
        except OSError as error:
            raise storage_error(self.path, error, len(line)) from error

    def truncate_to(self, step: int | None) -> None:
        """Drop all records after ``step`` (None: none of them) and an unfinished last line."""
        try:
            self._file.seek(0)
            data = self._file.readall()
            end = 0
            for record, stop in _records(data, self.path):
                if step is not None and record["step"] > step:
                    break
                end = stop
            if end < len(data):
                os.ftruncate(self._file.fileno(), end)
                os.fsync(self._file.fileno())
        except OSError as error:
            raise storage_error(self.path, error) from error

    def sync(self) -> None:
        """Wait until all records are on the disk; to be called before the checkpoint of their step is written."""
        try:
            os.fsync(self._file.fileno())
        except OSError as error:
            raise storage_error(self.path, error) from error

    def close(self) -> None:
        """Close the file; the writer is of no more use."""
        self._file.close()

    def __enter__(self) -> MetricsWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()


def read_metrics(path: Path) -> list[dict[str, Any]]:
    """All records of a file, also of a run that goes on; an unfinished last line is left out.

    Raises:
        StorageError: no such file, or a line that is no record.
    """
    try:
        data = read_own(Path(path))
    except OSError as error:
        raise storage_error(Path(path), error) from error
    return [record for record, _ in _records(data, Path(path))]


def _records(data: bytes, path: Path) -> list[tuple[dict[str, Any], int]]:
    """The records, each with the offset of its end; what follows the last newline is left out."""
    result, end = [], 0
    for number, line in enumerate(data.split(b"\n")[:-1], start=1):
        end += len(line) + 1
        try:
            record = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise StorageError("a damaged line", where=f"{path}:{number}", got=str(error)) from error
        if not isinstance(record, dict) or not isinstance(record.get("step"), int):
            raise StorageError("a line without a step", where=f"{path}:{number}", allowed='{"step": 1, ...}')
        result.append((record, end))
    return result


def _check(value: Any, name: str, step: int) -> None:
    if isinstance(value, float) and not math.isfinite(value):
        raise NumericsError("a measured number is not finite", where=f"step {step}", got=f"{name} = {value}")
    if isinstance(value, Mapping):
        for key, item in value.items():
            if not isinstance(key, str):
                raise UsageError("a record has names of text", where=f"step {step}", got=repr(key))
            _check(item, f"{name}.{key}" if name else key, step)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            _check(item, f"{name}[{index}]", step)
    elif value is not None and not isinstance(value, bool | int | float | str):
        raise UsageError(
            "a record holds plain values",
            where=f"step {step}",
            got=f"{name} of type {type(value).__name__}",
            allowed="numbers, text, true, false, null, lists and dicts of these",
            fix="a tensor's number is tensor.item()",
        )
