"""Whether a KeyboardInterrupt is the user's: one that came by a signal, and not one that a plugin's code raised."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

__all__ = ["interrupts_noted"]

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def interrupts_noted() -> Iterator[list[int]]:
    """Yields a list of the signals that came inside; who handled them before handles them still.

    Outside of the main thread, where Python runs no handlers, none ever comes. A handler that the code inside has put
    in place of ours is left for :func:`~si_core.discovery.host_state.host_state_restored` to find.
    """
    came: list[int] = []
    if threading.current_thread() is not threading.main_thread():
        yield came
        return
    before = {number: signal.getsignal(number) for number in _SIGNALS}

    def note(number: int, frame: FrameType | None) -> Any:
        came.append(number)
        handler = before[signal.Signals(number)]
        return handler(number, frame) if callable(handler) else None

    noted = [number for number, handler in before.items() if callable(handler)]
    for number in noted:
        signal.signal(number, note)
    try:
        yield came
    finally:
        for number in noted:
            if signal.getsignal(number) is note:
                signal.signal(number, before[number])
