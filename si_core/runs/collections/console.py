"""Where one of many runs speaks: it has its own ``log.txt``, so all of them together show its warnings and progress."""

from __future__ import annotations

from si_core.runs.log import Console

__all__ = ["MemberConsole"]


class MemberConsole:
    """The console of one run of many.

    Args:
        console: that of all of them.
        name: which one it is, such as ``point 3/12``.
    """

    def __init__(self, console: Console, name: str) -> None:
        self._console, self._name = console, name

    def line(self, text: str) -> None:
        """Leave it to the run's own log."""

    def warn(self, text: str) -> None:
        """Pass it on with the run's name."""
        self._console.warn(f"{self._name}: {text}")

    def progress(self, step: int, steps: int, text: str = "") -> None:
        """Pass it on with the run's name."""
        self._console.progress(step, steps, f"{self._name}  {text}".rstrip())
