"""Where a command speaks: progress bars on a terminal, one line an event elsewhere.

A run outlives whoever reads what it says (``si run ... | head``, a terminal that is closed): once nobody reads, nothing
is said, and ``log.txt`` goes on. What is said is escaped (:func:`si_core.errors.printable`), and of a length to bear.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from types import TracebackType
from typing import Any, Literal, TextIO

from si_core.cli.folding import columns, folded
from si_core.cli.output import terminal
from si_core.cli.verbosity import is_quiet
from si_core.errors import printable, shortened

__all__ = ["LineConsole", "TerminalConsole", "open_console", "reader_gone"]

_NARROW, _RATE_AND_TIME = 80, 26
"""Columns below which a bar is short; those that pace and time left take at most, with the spaces between."""

_LONGEST = 10_000
"""Letters of one line or warning."""


def reader_gone(name: Literal["stdout", "stderr"]) -> None:
    """Point an output whose reader has gone at nothing, so that neither we nor the interpreter's last flush fail."""
    stream: TextIO | None = getattr(sys, f"__{name}__")
    if stream is not None and stream is terminal(name):
        nothing = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nothing, stream.fileno())
        os.close(nothing)


def _said(text: str) -> str:
    return printable(shortened(text, _LONGEST))


class LineConsole:
    """One line an event; no progress."""

    def __init__(self) -> None:
        self._silent: set[str] = set()

    def line(self, text: str) -> None:
        """Say one event, unless the command was asked to be quiet."""
        if not is_quiet():
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
            print(_said(text), file=getattr(sys, name), flush=True)
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
    """A progress bar below the lines: how much is done, how fast, how long still, and the losses, on one line."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        self._width = columns("stdout") or _NARROW
        narrow = self._width < _NARROW
        self._bar = 8 if narrow else 24
        self._progress = Progress(
            BarColumn(bar_width=self._bar),
            MofNCompleteColumn(),
            TextColumn("{task.fields[rate]}", markup=False),
            TimeRemainingColumn(compact=True),
            TextColumn("left" if not narrow else "", markup=False),
            TextColumn("{task.description}", markup=False),
            console=Console(file=terminal("stdout")),
            transient=True,
            # A thread of its own would meet a closed terminal where nobody can catch the error.
            auto_refresh=False,
            # The lines of a run are its own; what plugins print goes where they print it.
            redirect_stdout=False,
            redirect_stderr=False,
        )
        self._errors = LineConsole()
        self._task: Any = None
        self._at = (0, 0)
        self._gone = False

    def line(self, text: str) -> None:
        """Say one event, folded between words, so that a path can be copied whole."""
        self._show(lambda: self._print(text))

    def warn(self, text: str) -> None:
        """Say something the user should look at, on standard error where that goes elsewhere."""
        errors = terminal("stderr")
        if errors is not None and errors.isatty():
            self._show(lambda: self._print(f"warning: {text}", "yellow"))
        else:
            self._errors.warn(text)

    def progress(self, step: int, steps: int, text: str = "") -> None:
        """Show that ``step`` of ``steps`` are done; another total or fewer steps is another bar."""
        before, self._at = self._at, (step, steps)

        def draw() -> None:
            shown = self._cut(_said(text), steps)
            if self._task is None or steps != before[1] or step < before[0]:
                if self._task is not None:
                    self._progress.remove_task(self._task)
                # What an earlier process did says nothing of the pace of this one.
                self._task = self._progress.add_task(shown, total=steps, completed=step, rate="")
            self._progress.update(self._task, completed=step, description=shown, rate=self._rate(), refresh=True)

        self._show(draw)

    def _cut(self, text: str, steps: int) -> str:
        """What has room beside the bar: a second line would be left behind when the bar is drawn anew."""
        room = self._width - self._bar - len(f"{steps}/{steps}") - _RATE_AND_TIME
        return text if len(text) <= room else text[: max(0, room - 3)] + "..."

    def _rate(self) -> str:
        """Steps in a second, as far as it is known; below one, seconds for a step."""
        speed = self._progress.tasks[-1].speed if self._progress.tasks else None
        if not speed:
            return ""
        return f"{speed:.0f}/s" if speed >= 10 else f"{speed:.1f}/s" if speed >= 1 else f"{1 / speed:.1f} s each"

    def _print(self, text: str, style: str | None = None) -> None:
        said = "\n".join(part for line in _said(text).split("\n") for part in folded(line, columns("stdout"), "  "))
        self._progress.console.print(said, style=style, markup=False, highlight=False, emoji=False, soft_wrap=True)

    def _show(self, action: Callable[[], object]) -> None:
        if self._gone:
            return
        try:
            action()
        except (OSError, ValueError):  # the terminal was closed
            self._gone = True
            reader_gone("stdout")

    def __enter__(self) -> TerminalConsole:
        self._show(self._progress.start)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._show(self._progress.stop)


def open_console() -> LineConsole | TerminalConsole:
    """The console that fits standard output and ``--quiet``."""
    stream = terminal("stdout")
    return TerminalConsole() if stream is not None and stream.isatty() and not is_quiet() else LineConsole()
