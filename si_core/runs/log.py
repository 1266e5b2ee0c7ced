"""log.txt: what happened when, for people; and the console that shows it while it happens.

Wall times belong here and nowhere else in a run, so that all other files of two equal runs are equal.
"""

from __future__ import annotations

import contextlib
import os
import traceback
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol, TextIO, runtime_checkable

from si_core.errors import StorageError, printable, shortened
from si_core.runs.private_paths import without_private_paths
from si_core.storage.own_files import open_own, path_of

__all__ = ["Console", "RunLog", "Silence"]

_LONGEST = 100_000
"""Letters of one entry: those of a long traceback."""


@runtime_checkable
class Console(Protocol):
    """Where a run speaks: a terminal with progress bars, plain lines, or nothing."""

    def line(self, text: str) -> None:
        """Say one event."""

    def warn(self, text: str) -> None:
        """Say something the user should look at."""

    def progress(self, step: int, steps: int, text: str = "") -> None:
        """Show that ``step`` of ``steps`` are done; called often, so it must be cheap."""


class Silence:
    """A console that says nothing: of several processes one says it for all."""

    def line(self, text: str) -> None:
        """Nothing."""

    def warn(self, text: str) -> None:
        """Nothing."""

    def progress(self, step: int, steps: int, text: str = "") -> None:
        """Nothing."""


class RunLog:
    """A console that also keeps each line in a file, with its UTC time and without private paths.

    A log that can't be written gives one warning and stops; it never stops a run.

    Args:
        path: the file, appended to.
        console: where lines are shown as well.
    """

    def __init__(self, path: Path, console: Console | None = None) -> None:
        self.path, self.console = Path(path), console
        self._file: TextIO | None = None
        try:
            # Names of files may hold bytes that are no text; the log must take them.
            descriptor = open_own(self.path, os.O_WRONLY | os.O_APPEND)
            self._file = os.fdopen(descriptor, "a", encoding="utf-8", errors="backslashreplace", buffering=1)
        except (OSError, StorageError) as error:
            self._give_up(error)

    def line(self, text: str) -> None:
        """Write and show one event."""
        self._write("", text)
        if self.console is not None:
            self.console.line(text)

    def warn(self, text: str) -> None:
        """Write and show a warning."""
        self._write("warning: ", text)
        if self.console is not None:
            self.console.warn(text)

    def progress(self, step: int, steps: int, text: str = "") -> None:
        """Show progress; the file doesn't get it, as the metrics have it."""
        if self.console is not None:
            self.console.progress(step, steps, text)

    def error(self, error: BaseException) -> None:
        """Write an error with its traceback to the file; showing it is the caller's business."""
        self._write("error: ", "".join(traceback.format_exception(error)).rstrip())

    def folder(self) -> Path:
        """Where the log's folder is by now: somebody may have renamed it, as far as the system tells."""
        if self._file is not None:
            number = self._file.fileno()
            with contextlib.suppress(OSError):
                if os.path.samestat(os.stat(self.path), os.fstat(number)):
                    return self.path.parent
            now = path_of(number)
            if now is not None:
                return now.parent
        return self.path.parent

    def close(self) -> None:
        """Close the file; later lines are only shown."""
        file, self._file = self._file, None
        if file is not None:
            try:
                file.close()
            except OSError as error:
                self._give_up(error)

    def _write(self, label: str, text: str) -> None:
        if self._file is None:
            return
        text = without_private_paths(shortened(text, _LONGEST), self.path.parent)
        time = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"
        # A text from outside must neither fake a line of the log nor steer the terminal that shows it.
        lines = printable(text).split("\n")
        try:
            self._file.write(f"{time} {label}" + "\n    ".join(lines) + "\n")
        except OSError as error:
            self._give_up(error)

    def _give_up(self, error: OSError | StorageError) -> None:
        self._file = None
        if self.console is not None:
            self.console.warn(f"{self.path}: the log can't be written: {error}")
