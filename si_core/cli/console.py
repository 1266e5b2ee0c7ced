"""Where a command speaks: progress bars on a terminal, one line an event elsewhere."""

from __future__ import annotations

import sys
from types import TracebackType
from typing import Any

__all__ = ["LineConsole", "TerminalConsole", "open_console"]


class LineConsole:
    """One line an event; no progress."""

    def line(self, text: str) -> None:
        print(text, flush=True)

    def warn(self, text: str) -> None:
        print(f"warning: {text}", file=sys.stderr, flush=True)

    def progress(self, step: int, steps: int, text: str = "") -> None:
        """Lines say it."""

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
            TextColumn("{task.description}"),
            console=Console(),
            transient=True,
        )
        self._task: Any = None
        self._steps = 0

    def line(self, text: str) -> None:
        self._progress.console.print(text, markup=False, highlight=False)

    def warn(self, text: str) -> None:
        self._progress.console.print(f"warning: {text}", style="yellow", markup=False, highlight=False)

    def progress(self, step: int, steps: int, text: str = "") -> None:
        if self._task is None or step < self._steps:
            if self._task is not None:
                self._progress.remove_task(self._task)
            self._task = self._progress.add_task(text, total=steps)
        self._steps = step
        self._progress.update(self._task, completed=step, total=steps, description=text)

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
