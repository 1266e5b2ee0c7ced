"""``STATUS.json`` and ``log.txt`` of many runs, right however they end. The steps of the status are runs."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from si_core.errors import DataError
from si_core.runs.bookkeeping import ending_recorded
from si_core.runs.collections.directory import CollectionDirectory
from si_core.runs.log import RunLog
from si_core.runs.status import State, Status, write_status

__all__ = ["SOME_FAILED", "CollectionStatus", "collection_status"]

SOME_FAILED = DataError.code
"""Exit code where some of the runs failed."""


class CollectionStatus:
    """What ``STATUS.json`` says; :meth:`ended` and :meth:`finished` change it.

    Args:
        directory: of the runs.
        started: when they began; empty for now.
        count: how many they are.
        member: the word for several of them, such as ``points``.
    """

    def __init__(self, directory: CollectionDirectory, started: str, count: int, member: str) -> None:
        self._path, self._count, self._member = directory.folder.status, count, member
        self._status = write_status(self._path, Status("running", 0, started))

    def ended(self, count: int) -> None:
        """So many of them have ended."""
        self._status = write_status(self._path, replace(self._status, step=count))

    def finished(self, failed: int = 0) -> None:
        """All have ended; ``failed`` of them make it a failure."""
        message = f"{failed} of {self._count} {self._member} failed" if failed else ""
        self.stopped("failed" if failed else "finished", SOME_FAILED if failed else 0, message)

    def stopped(self, state: State, code: int, message: str) -> None:
        """It is over."""
        self._status = write_status(self._path, replace(self._status, state=state, exit_code=code, message=message))


@contextmanager
def collection_status(
    directory: CollectionDirectory, log: RunLog, started: str, count: int, member: str
) -> Iterator[CollectionStatus]:
    """``STATUS.json`` from running to interrupted or failed; that it finished is for the caller to say."""
    status = CollectionStatus(directory, started, count, member)
    again = shlex.join(["si", directory.kind, str(directory.recipe), "--resume", "--out", str(directory.path)])
    with ending_recorded(status.stopped, log, directory.kind, lambda: again):
        yield status
