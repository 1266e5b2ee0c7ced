"""Records of Python's ``logging``, from the core and from plugins, on their way into ``log.txt``.

A library has no console of its own: it warns through ``logging`` that rows were dropped or a logger was switched off.
What is said before a run has its folder is kept until there is a log to write it to. Information comes as well where
its logger was told to give it, as `si --verbose` tells the loggers of the core and of plugins.
"""

from __future__ import annotations

import logging
from types import TracebackType

from si_core.runs.log import Console

__all__ = ["LogRecords"]


class LogRecords(logging.Handler):
    """Context manager that passes what all loggers give on to a run.

    Args:
        console: who hears them where no log was named to the end.
    """

    def __init__(self, console: Console) -> None:
        super().__init__(logging.INFO)
        self._console = console
        self._log: Console | None = None
        self._kept: list[tuple[int, str]] = []

    def direct(self, log: Console) -> None:
        """From now on ``log`` hears the records, and first those that were kept."""
        self._log = log
        for level, text in self._kept:
            _say(log, level, text)
        self._kept.clear()

    def emit(self, record: logging.LogRecord) -> None:
        """Pass one record on."""
        try:
            text = record.getMessage()
        except (TypeError, ValueError):
            self.handleError(record)
            return
        if self._log is None:
            self._kept.append((record.levelno, text))
        else:
            _say(self._log, record.levelno, text)

    def __enter__(self) -> LogRecords:
        logging.getLogger().addHandler(self)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        logging.getLogger().removeHandler(self)
        self.direct(self._log or self._console)


def _say(log: Console, level: int, text: str) -> None:
    if level >= logging.WARNING:
        log.warn(text)
    else:
        log.line(text)
