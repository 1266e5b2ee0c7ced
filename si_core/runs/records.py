"""Records of Python's ``logging``, from the core and from plugins, on their way into ``log.txt``.

A library has no console of its own: it warns through ``logging`` that rows were dropped or a logger was switched off.
What is said before a run has its folder is kept until there is a log to write it to.
"""

from __future__ import annotations

import logging
from types import TracebackType

from si_core.runs.log import Console

__all__ = ["LogRecords"]


class LogRecords(logging.Handler):
    """Context manager that passes warnings and errors of all loggers on to a run.

    Args:
        console: who hears them where no log was named to the end.
    """

    def __init__(self, console: Console) -> None:
        super().__init__(logging.WARNING)
        self._console = console
        self._log: Console | None = None
        self._kept: list[str] = []

    def direct(self, log: Console) -> None:
        """From now on ``log`` hears the records, and first those that were kept."""
        self._log = log
        for text in self._kept:
            log.warn(text)
        self._kept.clear()

    def emit(self, record: logging.LogRecord) -> None:
        """Pass one record on."""
        try:
            text = record.getMessage()
        except (TypeError, ValueError):
            self.handleError(record)
            return
        if self._log is None:
            self._kept.append(text)
        else:
            self._log.warn(text)

    def __enter__(self) -> LogRecords:
        logging.getLogger().addHandler(self)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        logging.getLogger().removeHandler(self)
        self.direct(self._log or self._console)
