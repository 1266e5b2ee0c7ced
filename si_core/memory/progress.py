"""A progress bar where somebody looks: on a terminal, or in a notebook."""

from __future__ import annotations

import importlib.util
import sys
import time
from types import TracebackType
from typing import Any

from si_core.errors import printable

__all__ = ["Progress"]

_SECONDS = 0.1


class Progress:
    """Context manager that shows how far training has come, on standard error; it never fails what it shows.

    Rich draws it on terminals, and in notebooks that have ipywidgets; elsewhere in notebooks it is one line of text.

    Args:
        steps: in all.
        shown: whether to show it; None where standard error is a terminal or a notebook.
    """

    def __init__(self, steps: int, shown: bool | None = None) -> None:
        notebook, terminal = _in_notebook(), sys.stderr is not None and sys.stderr.isatty()
        self._steps, self._shown = steps, (notebook or terminal) if shown is None else shown
        self._rich = _rich() if self._shown and (terminal or (notebook and _has("ipywidgets"))) else None
        self._task: Any = None
        self._last = 0.0
        self._began = time.monotonic()

    def __enter__(self) -> Progress:
        if self._rich is not None:
            self._rich.start()
            self._task = self._rich.add_task("", total=self._steps)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._rich is not None:
            self._rich.stop()
        elif self._shown:
            self._say("\n")

    def at(self, step: int, text: str = "") -> None:
        """So many steps are done; called at each, it draws a few times a second."""
        now = time.monotonic()
        if not self._shown or (step < self._steps and now - self._last < _SECONDS):
            return
        self._last, text = now, printable(text)
        if self._rich is not None:
            self._rich.update(self._task, completed=step, description=text, refresh=True)
            return
        done = int(30 * step / max(self._steps, 1))
        left = (now - self._began) / max(step, 1) * (self._steps - step)
        self._say(f"\r{'━' * done}{' ' * (30 - done)} {step}/{self._steps}  {left:.0f} s left  {text}  ")

    def _say(self, text: str) -> None:
        try:
            sys.stderr.write(text)
            sys.stderr.flush()
        except (OSError, ValueError, AttributeError):  # closed, or none at all
            self._shown = False


def _has(module: str) -> bool:
    if module in sys.modules:
        return sys.modules[module] is not None
    return importlib.util.find_spec(module) is not None


def _in_notebook() -> bool:
    """Whether this process is the kernel of a notebook."""
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    return shell is not None and hasattr(shell, "kernel")


def _rich() -> Any:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    return Bar(
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
