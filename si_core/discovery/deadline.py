"""A deadline for a plugin's code that runs in our own process: an import that waits for the network, an endless loop.

The system's alarm interrupts the main thread, so Python code that hangs is told so. Code of a compiled library that
never returns can't be reached this way; for that there is ``--no-plugins``.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

__all__ = ["Overdue", "deadline"]

_AGAIN = 0.5
"""Seconds after which it is told once more: a plugin may catch everything, and go on."""


class Overdue(BaseException):
    """Raised in code that is past its deadline; no ``Exception``, for those are caught by many."""


@contextmanager
def deadline(seconds: float | None) -> Iterator[None]:
    """Raise :class:`Overdue` in the code within once it has run for ``seconds``; None for no limit.

    There is no limit either where no alarm can be set: outside of the main thread, on a system without alarms, or when
    the program has set one of its own.
    """
    if seconds is None or not _can_be_set():
        yield
        return

    def tell(number: int, frame: FrameType | None) -> None:
        raise Overdue(f"did not finish within {seconds:g} s")

    before = signal.signal(signal.SIGALRM, tell)
    signal.setitimer(signal.ITIMER_REAL, seconds, _AGAIN)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0.0)
        signal.signal(signal.SIGALRM, before)


def _can_be_set() -> bool:
    main = threading.current_thread() is threading.main_thread()
    return hasattr(signal, "setitimer") and main and signal.getitimer(signal.ITIMER_REAL)[0] == 0.0
