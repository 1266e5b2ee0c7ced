"""What a run writes about itself while it goes: ``log.txt`` and ``STATUS.json``, right however it ends."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

from si_core.errors import StorageError
from si_core.runs.directory import RunDirectory
from si_core.runs.log import Console, RunLog
from si_core.runs.records import LogRecords
from si_core.runs.status import State, Status, write_status

__all__ = ["logged", "status_kept"]


@contextmanager
def logged(directory: RunDirectory, console: Console, records: LogRecords) -> Iterator[RunLog]:
    """``log.txt`` for as long as the run has the folder, with the traceback of what ends it."""
    log = RunLog(directory.log, console)
    records.direct(log)
    try:
        yield log
    except Exception as error:
        log.error(error)
        raise
    finally:
        records.direct(console)
        log.close()


@contextmanager
def status_kept(
    directory: RunDirectory, log: RunLog, started: str = "", step: int = 0
) -> Iterator[Callable[[int], None]]:
    """``STATUS.json`` from running to the end; yields what is to be told of the steps that are saved."""
    status = write_status(directory.status, Status("running", step, started))

    def saved(done: int) -> None:
        nonlocal status
        status = write_status(directory.status, replace(status, step=done))

    def end(state: State, code: int, message: str) -> None:
        try:
            write_status(directory.status, replace(status, state=state, exit_code=code, message=message))
        except StorageError as problem:
            log.warn(f"STATUS.json still says that the run goes on: {problem}")

    try:
        yield saved
    except KeyboardInterrupt as stop:
        message = str(stop) or "stopped at once by a second signal"
        end("interrupted", getattr(stop, "exit_code", 130), message)
        log.warn(f"{message}; go on with: {_resumption(directory)}")
        raise
    except BaseException as error:
        end("failed", getattr(error, "code", 1), str(error) or type(error).__name__)
        log.warn(f"the run failed; it is saved up to step {status.step}, and the traceback is in {directory.log}")
        raise
    write_status(directory.status, replace(status, state="finished", exit_code=0))


def _resumption(directory: RunDirectory) -> str:
    # The resolved recipe has the overrides in it, so this works whatever the run was started with.
    return shlex.join(["si", "run", str(directory.resolved), "--resume", "--out", str(directory.path)])
