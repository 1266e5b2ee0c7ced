"""Signals: a run that is asked to stop finishes its step, saves, and exits with the signal's code.

SIGINT (Ctrl-C) and SIGTERM (preemption) become a flag that the loop reads once a step. A second SIGINT means at once.
Stages that have nothing to finish and nothing to save end at once at the first signal.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType, TracebackType
from typing import Any

__all__ = ["Interrupted", "StopSignals", "undisturbed"]

_ASKED_TO_STOP = (signal.SIGINT, signal.SIGTERM)

_ECHO = 5.0
"""Seconds within which a second SIGINT is the first one, passed on."""


class Interrupted(KeyboardInterrupt):
    """A run ends because a signal asked it to; all that it had to save is saved.

    It is a KeyboardInterrupt so that whatever lets that one pass, plugins included, lets this one pass as well.

    Args:
        exit_code: 130 or 143.
        message: what happened.
    """

    def __init__(self, exit_code: int, message: str = "stopped by a signal") -> None:
        super().__init__(message)
        self.exit_code = exit_code


@contextmanager
def undisturbed() -> Iterator[None]:
    """Inside, SIGINT and SIGTERM change nothing: for the few files in which a run that ends says how it did.

    Who presses Ctrl-C again and again wants it to end, which it does; only the record of it must not be lost. Outside
    the main thread nothing changes, as signals don't come there.
    """
    previous: dict[signal.Signals, Any] = {}
    if threading.current_thread() is threading.main_thread():
        for number in _ASKED_TO_STOP:
            previous[number] = signal.signal(number, _passed_over)
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, signal.SIG_DFL if handler is None else handler)


def _passed_over(number: int, frame: FrameType | None) -> None:
    """A handler and not SIG_IGN, which child processes would inherit."""


class StopSignals:
    """Context manager that turns signals into a request to stop.

    Outside the main thread it changes nothing, as Python allows handlers there only.

    Args:
        numbers: the signals, SIGINT and SIGTERM; a call that returns with what it has takes SIGINT alone.
        patient: whether a second SIGINT within seconds of the first is taken for the same one: a terminal sends it to
            every process, and torchrun, which gets it too, sends it on.

    Attributes:
        stop_requested: True after a signal.
        exit_code: 130 after SIGINT, 143 after SIGTERM (the first one counts), else None.

    Raises:
        KeyboardInterrupt: at the second SIGINT, at once.
    """

    def __init__(self, numbers: tuple[int, ...] = _ASKED_TO_STOP, patient: bool = False) -> None:
        self._numbers, self._patient = numbers, patient
        self.stop_requested = False
        self.exit_code: int | None = None
        self._interrupts, self._first = 0, 0.0
        self._owner, self._at_once = 0, False
        self._previous: dict[int, Callable[[int, FrameType | None], Any] | int | None] = {}

    def __enter__(self) -> StopSignals:
        if threading.current_thread() is threading.main_thread():
            self._owner = os.getpid()
            for number in self._numbers:
                self._previous[number] = signal.signal(number, self._handle)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        for number, handler in self._previous.items():
            # None stands for a handler that was not installed by Python and can't be put back.
            signal.signal(number, signal.SIG_DFL if handler is None else handler)
        self._previous.clear()

    @contextmanager
    def at_once(self) -> Iterator[None]:
        """Inside, the first signal raises :class:`Interrupted`; one that came before does so on entering."""
        before, self._at_once = self._at_once, True
        try:
            if self.stop_requested:
                raise Interrupted(self.exit_code or 130)
            yield
        finally:
            self._at_once = before

    def _handle(self, number: int, frame: FrameType | None) -> None:
        if os.getpid() != self._owner:
            # A forked worker inherits this handler. Ctrl-C reaches the whole group, but the run still needs its
            # workers to finish the step; SIGTERM must end a worker as always.
            if number == signal.SIGTERM:
                signal.signal(number, signal.SIG_DFL)
                os.kill(os.getpid(), number)
            return
        first, self.stop_requested = not self.stop_requested, True
        if self.exit_code is None:
            self.exit_code = 128 + number
        if number == signal.SIGINT:
            echo = self._patient and self._interrupts > 0 and time.monotonic() - self._first < _ECHO
            self._interrupts += not echo
            if self._interrupts == 1 and not echo:
                self._first = time.monotonic()
            if self._interrupts > 1:
                raise KeyboardInterrupt
        if first and self._at_once:
            raise Interrupted(self.exit_code)
