"""``STATUS.json`` and ``log.txt`` of a sweep, right however it ends. The steps of its status are points."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from si_core import DataError
from si_core.public.runs import Console, RunLog, State, Status, ending_recorded, write_status
from si_sweeps.folder import SweepDirectory

__all__ = ["FAILED", "SweepStatus", "logged", "status_written"]

FAILED = DataError.code
"""Exit code of a sweep some of whose points failed."""


class SweepStatus:
    """What ``STATUS.json`` says; :meth:`ended` and :meth:`finished` change it."""

    def __init__(self, directory: SweepDirectory, started: str, points: int) -> None:
        self._path, self._points = directory.folder.status, points
        self._status = write_status(self._path, Status("running", 0, started))

    def ended(self, points: int) -> None:
        """So many points have ended."""
        self._status = write_status(self._path, replace(self._status, step=points))

    def finished(self, failed: int) -> None:
        """All points have ended, some of them by a failure."""
        message = f"{failed} of {self._points} points failed" if failed else ""
        self.stopped("failed" if failed else "finished", FAILED if failed else 0, message)

    def stopped(self, state: State, code: int, message: str) -> None:
        """The sweep has ended."""
        self._status = write_status(self._path, replace(self._status, state=state, exit_code=code, message=message))


@contextmanager
def logged(directory: SweepDirectory, console: Console) -> Iterator[RunLog]:
    """``log.txt`` for as long as the sweep has the folder, with the traceback of what ends it."""
    log = RunLog(directory.folder.log, console)
    try:
        yield log
    except Exception as error:
        log.error(error)
        raise
    finally:
        log.close()


@contextmanager
def status_written(directory: SweepDirectory, log: RunLog, started: str, points: int) -> Iterator[SweepStatus]:
    """``STATUS.json`` from running to interrupted or failed; that it finished is for the caller to say."""
    status = SweepStatus(directory, started, points)

    again = shlex.join(["si", "sweep", str(directory.grid), "--resume", "--out", str(directory.path)])
    with ending_recorded(status.stopped, log, "sweep", lambda: again):
        yield status
