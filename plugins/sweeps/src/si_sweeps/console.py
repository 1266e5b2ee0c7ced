"""Where the points of a sweep speak: each has its own ``log.txt``, so the sweep shows their warnings and progress."""

from __future__ import annotations

from si_core.public.runs import Console

__all__ = ["PointConsole", "Silence"]


class Silence:
    """A console that says nothing, for calls from Python."""

    def line(self, text: str) -> None:
        """Say nothing."""

    def warn(self, text: str) -> None:
        """Say nothing."""

    def progress(self, step: int, steps: int, text: str = "") -> None:
        """Show nothing."""


class PointConsole:
    """The console of one point.

    Args:
        console: the sweep's.
        name: which point it is, such as ``point 3/12``.
    """

    def __init__(self, console: Console, name: str) -> None:
        self._console, self._name = console, name

    def line(self, text: str) -> None:
        """Leave it to the point's own log."""

    def warn(self, text: str) -> None:
        """Pass it on with the point's name."""
        self._console.warn(f"{self._name}: {text}")

    def progress(self, step: int, steps: int, text: str = "") -> None:
        """Pass it on with the point's name."""
        self._console.progress(step, steps, f"{self._name}  {text}".rstrip())
