"""Where a command speaks: progress bars on a terminal, one line an event elsewhere."""

from __future__ import annotations

import os
import sys
from types import TracebackType
from typing import Any, Literal

__all__ = ["LineConsole", "TerminalConsole", "open_console", "reader_gone"]


def reader_gone(name: Literal["stdout", "stderr"]) -> None:
    """Point an output whose reader has gone at nothing, so that neither we nor the interpreter's last flush fail."""
    stream = getattr(sys, f"__{name}__")
    if stream is not None and stream is getattr(sys, name):
        nothing = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nothing, stream.fileno())
        os.close(nothing)


class LineConsole:
    """One line an event; no progress.

    A run outlives the reader of its lines (``si run ... | head``): once nobody reads, nothing is said; ``log.txt`` goes
    on.
    """

    def __init__(self) -> None:
        self._silent: set[str] = set()

    def line(self, text: str) -> None:
        """Say one event."""
        self._say("stdout", text)

    def warn(self, text: str) -> None:
        """Say something the user should look at, on standard error."""
        self._say("stderr", f"warning: {text}")

    def progress(self, step: int, steps: int, text: str = "") -> None:
        """Lines say it."""

    def _say(self, name: Literal["stdout", "stderr"], text: str) -> None:
        if name in self._silent:
            return
        try:
            print(text, file=getattr(sys, name), flush=True)
        except (OSError, ValueError):  # a closed pipe, a full disk, a closed stream
            self._silent.add(name)
            reader_gone(name)

    def __enter__(self) -> LineConsole:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Nothing to put back."""


class TerminalConsole:
    """A progress bar below the lines."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        self._progress = Progress(
            BarColumn(bar_width=30),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.description}", markup=False),
            console=Console(),
            transient=True,
            # The lines of a run are its own; what plugins print goes where they print it.
            redirect_stdout=False,
            redirect_stderr=False,
        )
        self._task: Any = None
        self._at = (0, 0)

    def line(self, text: str) -> None:
        """Say one event; the terminal folds it, so that a path can be copied whole."""
        self._progress.console.print(text, markup=False, highlight=False, emoji=False, soft_wrap=True)

    def warn(self, text: str) -> None:
        """Say something the user should look at."""
        self._progress.console.print(
            f"warning: {text}", style="yellow", markup=False, highlight=False, emoji=False, soft_wrap=True
        )

    def progress(self, step: int, steps: int, text: str = "") -> None:
        """Show that ``step`` of ``steps`` are done; another total or fewer steps is another bar."""
        before, self._at = self._at, (step, steps)
        if self._task is None or steps != before[1] or step < before[0]:
            if self._task is not None:
                self._progress.remove_task(self._task)
            self._task = self._progress.add_task(text, total=steps)
        self._progress.update(self._task, completed=step, description=text)

    def __enter__(self) -> TerminalConsole:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._progress.stop()


def open_console() -> LineConsole | TerminalConsole:
    """The console that fits standard output."""
    return TerminalConsole() if sys.stdout is not None and sys.stdout.isatty() else LineConsole()
