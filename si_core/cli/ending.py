"""A signal ends a command, whichever it is: what it has begun is undone, its worker processes end with it, code 130 or
143, and no traceback however often the key is pressed.

Commands that have something to save take the signals themselves (:class:`si_core.runs.signals.StopSignals`).
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

from si_core.runs.signals import Interrupted

__all__ = ["Ending", "ended_by_signals"]

_DEFAULTS: dict[signal.Signals, Any] = {signal.SIGINT: signal.default_int_handler, signal.SIGTERM: signal.SIG_DFL}


class Ending:
    """What SIGINT and SIGTERM do while a command goes on, and while it ends.

    Args:
        owner: the process that carries the command out.
    """

    def __init__(self, owner: int) -> None:
        self._owner, self._over = owner, False

    def begin(self) -> None:
        """From here on the command ends anyway: signals change nothing."""
        self._over = True

    def handle(self, number: int, frame: FrameType | None) -> None:
        """End the command by an error that everything passes on."""
        if os.getpid() != self._owner:  # a worker that was forked ends as it would have
            signal.signal(number, _DEFAULTS[signal.Signals(number)])
            os.kill(os.getpid(), number)
        elif not self._over:
            raise Interrupted(128 + number, "interrupted" if number == signal.SIGINT else "terminated")


@contextmanager
def ended_by_signals(last: bool) -> Iterator[Ending]:
    """Inside, a signal ends the command. Handlers of others, and signals that are ignored, are left as they are.

    Args:
        last: whether the process ends with the command.
    """
    ending, before = Ending(os.getpid()), dict[signal.Signals, Any]()
    if threading.current_thread() is threading.main_thread():
        before = {number: signal.getsignal(number) for number in _DEFAULTS}
        before = {number: handler for number, handler in before.items() if handler == _DEFAULTS[number]}
        for number in before:
            signal.signal(number, ending.handle)
    try:
        yield ending
    finally:
        ending.begin()
        for number, handler in before.items():
            # At the very end the system's own way: the process is gone at once, with the same code and no traceback.
            signal.signal(number, signal.SIG_DFL if last else handler)
