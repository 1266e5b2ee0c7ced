"""What every fuzzer holds each of its cases to: an end within seconds, and words that steer no terminal."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

SECONDS = 5.0
"""Of the processor's time, so that other programs on the machine don't count."""
WAITING = 60.0
"""Of the clock's: what waits for ever, such as for the other end of a pipe, takes no time of the processor's."""


class Hangs(BaseException):
    """A case has gone on for too long; no ``Exception``, for those are caught by many."""


@contextmanager
def watched(case: str, may_wait: bool = False) -> Iterator[None]:
    """Raise :class:`Hangs` in a case that takes too long. Only in the main thread, and only on systems with signals.

    Args:
        case: for the message.
        may_wait: whether it meets anything that could be waited for, which takes a thread to notice.
    """

    def stop(number: int, frame: FrameType | None) -> None:
        raise Hangs(f"{case}: hangs")

    main = threading.main_thread().ident
    assert main is not None
    before = {number: signal.signal(number, stop) for number in (signal.SIGPROF, signal.SIGUSR2)}
    waiting = threading.Timer(WAITING, signal.pthread_kill, (main, signal.SIGUSR2))
    if may_wait:
        waiting.start()
    signal.setitimer(signal.ITIMER_PROF, SECONDS)
    try:
        yield
    finally:
        waiting.cancel()
        signal.setitimer(signal.ITIMER_PROF, 0.0)
        for number, handler in before.items():
            signal.signal(number, handler)


def steers_nothing(text: str) -> bool:
    """Whether a text has no control character but the ends of lines and tabs."""
    return text.isprintable() or all(c.isprintable() or c in "\n\t" for c in text)
