"""Samples on their way to a file: what is drawn stands on the disk beside it, so that a stopped request goes on.

::

    .samples.csv.partial-3f9a12c4d5e6/      beside samples.csv; the number is that of the request
        progress.json                       what is asked for, the form of the arrays, and how many samples are there
        0.npy  1.npy ...                    the arrays, which grow block by block
        .lock                               who works on it

Equal requests give equal bits, and go on after the last sample that was recorded; another request for the same file has
a folder of its own. The record is written about once a second, after what it tells of has reached the disk; a request
that ends before its first record leaves nothing.
"""

from __future__ import annotations

import glob
import hashlib
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from si_core.errors import StorageError
from si_core.storage.atomic import storage_error, write_atomic
from si_core.storage.growing_array import GrowingArray, RowForm, rows_of
from si_core.storage.lock import RunLock
from si_core.storage.own_files import make_own_folder, read_own, remove_own
from si_core.storage.strict_json import format_json, parse_json

__all__ = ["LOG_WEIGHTS", "PartialSamples", "folder_of"]

LOG_WEIGHTS = ""
"""The name of the array of log-weights, which is that of no condition."""
_FORMAT = 1
_SECONDS = 1.0
"""Between two records: what a kill may cost."""


def folder_of(out: Path, request: Mapping[str, Any]) -> Path:
    """Where the samples of a request stand until they are complete."""
    return out.with_name(_pattern(out) + hashlib.sha256(format_json(dict(request), "request")).hexdigest()[:12])


def _pattern(out: Path) -> str:
    return f".{out.name[:40]}.partial-"  # cut, as the name of the file may use all letters there are


class PartialSamples:
    """The arrays of a request, which grow; a context manager that owns their folder.

    Args:
        out: the file or folder where the samples shall stand.
        request: all that their bits depend on, as plain data.
        rows: how many samples it asks for.
        report: told of what is found there.

    Attributes:
        done: samples that are there.
        kept: whether they would be there after a kill.

    Raises:
        StorageError: on entering: another process works on the same request, or the folder can't be written.
    """

    def __init__(
        self, out: Path, request: Mapping[str, Any], rows: int, report: Callable[[str], object] = lambda text: None
    ) -> None:
        self._request, self.rows, self._report = dict(request), rows, report
        self._pattern, self.folder = _pattern(out), folder_of(out, self._request)
        self.done, self.kept, self._recorded = 0, False, time.monotonic()
        self._forms: dict[str, RowForm] = {}
        self._arrays: dict[str, GrowingArray] = {}
        self._owned = ExitStack()

    def __enter__(self) -> PartialSamples:
        try:
            make_own_folder(self.folder)
            gone, what = f"rm -r {self.folder}", "this request for samples"
            self._owned.enter_context(RunLock(self.folder / ".lock", report=lambda text: None, what=what, gone=gone))
            try:
                self._find()
            except BaseException:
                self._owned.close()
                raise
        except OSError as error:
            raise storage_error(self.folder, error) from error
        for other in sorted(self.folder.parent.glob(f"{glob.escape(self._pattern)}*")):
            if other != self.folder:
                self._report(f"{other}: samples of another request for this file, not complete; remove it if unwanted")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        for array in self._arrays.values():
            array.close()
        self._owned.close()

    def append(self, arrays: Mapping[str, NDArray[np.generic]]) -> None:
        """Add the rows of some samples, by name, each (k, *form); a record of them follows when one is due.

        Raises:
            StorageError: no room on the disk, or the folder is gone.
        """
        try:
            if not self._arrays:
                self._forms = {name: RowForm.of(rows) for name, rows in arrays.items()}
                self._open()
            for name, rows in arrays.items():
                self._arrays[name].append(rows)
            self.done += len(next(iter(arrays.values())))
            if time.monotonic() - self._recorded > _SECONDS:
                self.record()
        except OSError as error:
            raise storage_error(self.folder, error) from error

    def record(self) -> None:
        """Make what is there survive a kill.

        Raises:
            StorageError: as for :meth:`append`.
        """
        self._sync()
        forms = {name: [form.dtype, list(form.event)] for name, form in self._forms.items()}
        plain = {"format": _FORMAT, "request": self._request, "samples": self.done, "arrays": forms}
        write_atomic(self._progress, format_json(plain, str(self._progress), indent=1))
        self.kept, self._recorded = True, time.monotonic()

    def complete(self) -> None:
        """Close the arrays, which are whole.

        Raises:
            StorageError: as for :meth:`append`.
        """
        if self.kept:
            self.record()
        else:
            self._sync()
        for array in self._arrays.values():
            array.close()

    def path(self, name: str) -> Path:
        """The file of an array."""
        return self.folder / f"{list(self._forms).index(name)}.npy"

    @property
    def forms(self) -> dict[str, RowForm]:
        """The arrays there are, but for the log-weights, and the form of their rows; none before the first block."""
        return {name: form for name, form in self._forms.items() if name != LOG_WEIGHTS}

    @property
    def weighted(self) -> bool:
        """Whether the samples have weights."""
        return LOG_WEIGHTS in self._forms

    def rows_of(self, name: str) -> Iterator[NDArray[Any]]:
        """The rows of an array that is whole, in pieces (k, *event)."""
        return rows_of(self.path(name), self.rows, self._forms[name])

    def remove(self) -> None:
        """Remove the folder.

        Raises:
            StorageError: it can't be removed.
        """
        try:
            remove_own(self.folder)
        except OSError as error:
            raise storage_error(self.folder, error) from error

    @property
    def _progress(self) -> Path:
        return self.folder / "progress.json"

    def _find(self) -> None:
        """Take what an earlier process left of this request."""
        if not self._progress.exists():
            return
        try:
            plain = parse_json(read_own(self._progress), str(self._progress))
            if plain["format"] != _FORMAT or plain["request"] != self._request:
                raise StorageError("the record of another request", where=str(self._progress))
            done = plain["samples"]
            if type(done) is not int or not 0 < done <= self.rows:
                raise ValueError(f"{done!r} samples")
            self._forms = {name: RowForm(dtype, tuple(event)) for name, (dtype, event) in plain["arrays"].items()}
            self.done = done
            self._open()
        except (StorageError, KeyError, TypeError, ValueError, AttributeError) as error:
            self._report(f"{self.folder}: what an earlier process left there is damaged, and is drawn again ({error})")
            for array in self._arrays.values():
                array.close()
            self.done, self._forms, self._arrays = 0, {}, {}
        else:
            self.kept = True

    def _open(self) -> None:
        for name, form in self._forms.items():
            self._arrays[name] = GrowingArray(self.path(name), self.rows, form, self.done)

    def _sync(self) -> None:
        try:
            for array in self._arrays.values():
                array.sync()
        except OSError as error:
            raise storage_error(self.folder, error) from error
