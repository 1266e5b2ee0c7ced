"""Where the runs of a search speak: each has its own ``log.txt``, so the search shows warnings and progress."""

from __future__ import annotations

from si_core.public.runs import Console

__all__ = ["TrialConsole"]


class TrialConsole:
    """The console of one trial.

    Args:
        console: the search's.
        name: which trial it is, such as ``trial 3/20``.
    """

    def __init__(self, console: Console, name: str) -> None:
        self._console, self._name = console, name

    def line(self, text: str) -> None:
        """Leave it to the trial's own log."""

    def warn(self, text: str) -> None:
        """Pass it on with the trial's name."""
        self._console.warn(f"{self._name}: {text}")

    def progress(self, step: int, steps: int, text: str = "") -> None:
        """Pass it on with the trial's name."""
        self._console.progress(step, steps, f"{self._name}  {text}".rstrip())
