"""A progress bar where somebody looks: on a terminal, or in a notebook."""

from __future__ import annotations

import importlib
import sys
import time
from types import TracebackType
from typing import Any, Protocol

from si_core.errors import printable

__all__ = ["Progress"]

_SECONDS = 0.1


class Progress:
    """Context manager that shows how far training has come; it never fails what it shows.

    Rich draws it on terminals, on standard error. In a notebook it is one line of a cell's output, written over as
    training goes on, which tells in the end what was done; elsewhere a line of text on standard error.

    Args:
        steps: in all.
        shown: whether to show it; None where standard error is a terminal or this is a notebook.
    """

    def __init__(self, steps: int, shown: bool | None = None) -> None:
        notebook, terminal = _in_notebook(), sys.stderr is not None and sys.stderr.isatty()
        self._steps, self._line = steps, None
        if (notebook or terminal) if shown is None else shown:
            self._line = _Displayed() if notebook else _Rich(steps) if terminal else _Written()
        self._last, self._said = 0.0, (0, "")
        self._began = time.monotonic()

    def __enter__(self) -> Progress:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._line is not None:
            step, text = self._said
            done = f"{step} steps" if step == self._steps else f"{step} of {self._steps} steps"
            self._line.end(f"{done} in {time.monotonic() - self._began:.0f} s" + (f", {text}" if text else ""))

    def at(self, step: int, text: str = "") -> None:
        """So many steps are done; called at each, it draws a few times a second."""
        now = time.monotonic()
        self._said = step, (text := printable(text))
        if self._line is None or (step < self._steps and now - self._last < _SECONDS):
            return
        self._last = now
        done = int(30 * step / max(self._steps, 1))
        left = (now - self._began) / max(step, 1) * (self._steps - step)
        bar = f"{'━' * done}{' ' * (30 - done)} {step}/{self._steps}  {left:.0f} s left  {text}"
        self._line.at(step, text, bar)


class _Line(Protocol):
    """Where progress is shown: ``bar`` is all of it as text, ``text`` what stands beside a bar of one's own."""

    def at(self, step: int, text: str, bar: str) -> None: ...

    def end(self, text: str) -> None: ...


class _Displayed:
    """A display of a notebook, which front ends and stored notebooks have once, as it was written last."""

    def __init__(self) -> None:
        self._handle: Any = None

    def at(self, step: int, text: str, bar: str) -> None:
        self._show(bar)

    def end(self, text: str) -> None:
        if self._handle is not None:
            self._show(text)

    def _show(self, text: str) -> None:
        if self._handle is None:
            display = importlib.import_module("IPython.display").display
            self._handle = display({"text/plain": text}, raw=True, display_id=True)
        else:
            self._handle.update({"text/plain": text}, raw=True)


class _Rich:
    """A bar on a terminal, which is gone in the end."""

    def __init__(self, steps: int) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
        from rich.progress import Progress as Bar

        self._bar = Bar(
            BarColumn(bar_width=30),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.description}", markup=False),
            console=Console(stderr=True),
            transient=True,
            auto_refresh=False,
            redirect_stdout=False,
            redirect_stderr=False,
        )
        self._bar.start()
        self._task = self._bar.add_task("", total=steps)

    def at(self, step: int, text: str, bar: str) -> None:
        self._bar.update(self._task, completed=step, description=text, refresh=True)

    def end(self, text: str) -> None:
        self._bar.stop()


class _Written:
    """A line on standard error that is written over."""

    def __init__(self) -> None:
        self._closed = False

    def at(self, step: int, text: str, bar: str) -> None:
        self._say(f"\r{bar}  ")

    def end(self, text: str) -> None:
        self._say("\n")

    def _say(self, text: str) -> None:
        if self._closed:
            return
        try:
            sys.stderr.write(text)
            sys.stderr.flush()
        except (OSError, ValueError, AttributeError):  # closed, or none at all
            self._closed = True


def _in_notebook() -> bool:
    """Whether this process is the kernel of a notebook."""
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    return shell is not None and hasattr(shell, "kernel")
