"""What a run writes about itself while it goes: ``log.txt`` and ``STATUS.json``, right however it ends."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Literal

from si_core.contract.event import Event
from si_core.errors import SIError, StorageError
from si_core.runs.directory import RunDirectory
from si_core.runs.log import Console, RunLog
from si_core.runs.records import LogRecords
from si_core.runs.signals import undisturbed
from si_core.runs.status import State, Status, write_status

__all__ = ["ending_recorded", "logged", "resumption", "status_written", "written_log"]


@contextmanager
def written_log(path: Path, console: Console) -> Iterator[RunLog]:
    """``log.txt`` for as long as somebody has its folder, with the traceback of what ends it.

    Args:
        path: the file.
        console: where its lines go as well.
    """
    log = RunLog(path, console)
    try:
        yield log
    except Exception as error:
        log.error(error)
        raise
    finally:
        log.close()


@contextmanager
def logged(directory: RunDirectory, console: Console, records: LogRecords) -> Iterator[RunLog]:
    """The log of a run, to which records of libraries go meanwhile."""
    with written_log(directory.log, console) as log:
        records.direct(log)
        try:
            yield log
        finally:
            records.direct(console)


@contextmanager
def status_written(
    directory: RunDirectory, log: RunLog, tell: Callable[[Event], object], started: str = "", step: int = 0
) -> Iterator[Callable[[int], None]]:
    """``STATUS.json`` from running to the end; yields what is to be told of the steps that are saved.

    Args:
        directory: the run's folder.
        log: where to speak.
        tell: those who listen; they hear of an end that is none of a finished run.
        started: when the run began, where it goes on.
        step: the steps that are saved.
    """
    status = write_status(directory.status, Status("running", step, started))
    ended: Event | None = None

    def saved(done: int) -> None:
        nonlocal status
        status = replace(status, step=done)  # it is saved, whether or not that can be written down
        status = write_status(directory.status, status)

    def end(state: State, code: int, message: str) -> None:
        nonlocal ended
        name: Literal["interrupted", "failed"] = "interrupted" if state == "interrupted" else "failed"
        ended = Event(name, directory.path, status.step, {"exit_code": code, "message": message})
        here = RunDirectory(log.folder())
        write_status(here.status, replace(status, state=state, exit_code=code, message=message))

    def go_on() -> str:
        return resumption(RunDirectory(log.folder()))

    try:
        with ending_recorded(end, log, "run", go_on):
            try:
                yield saved
            except Exception as error:
                saving = f"saved up to step {status.step}" if status.step else "nothing is saved"
                here = RunDirectory(log.folder())
                if here != directory:
                    error.add_note(f"the folder {directory.path} was renamed while the run went on, to {here.path}")
                error.add_note(f"the run failed; {saving}, and the traceback is in {here.log}")
                error.add_note(f"when the cause is gone, go on with: {resumption(here)}")
                raise
    finally:
        if ended is not None:
            tell(ended)
    with undisturbed():
        write_status(directory.status, replace(status, state="finished", exit_code=0))


@contextmanager
def ending_recorded(
    end: Callable[[State, int, str], object], log: Console, what: str, again: Callable[[], str]
) -> Iterator[None]:
    """Tell ``end`` with state, exit code and message that a signal or an error ended what goes on inside.

    Args:
        end: writes it down.
        log: hears what can't be written, and after a signal how to go on.
        what: a run or a sweep.
        again: gives the command that goes on with it.
    """

    def write_state(state: State, code: int, message: str) -> None:
        try:
            with undisturbed():
                end(state, code, message)
        except StorageError as problem:
            log.warn(f"STATUS.json still says that the {what} goes on: {problem}")

    try:
        yield
    except KeyboardInterrupt as stop:
        message = str(stop) or "stopped at once by a second signal"
        write_state("interrupted", getattr(stop, "exit_code", 130), message)
        log.warn(f"{message}; go on with: {again()}")
        raise
    except BaseException as error:
        write_state("failed", error.code if isinstance(error, SIError) else 1, str(error) or type(error).__name__)
        raise


def resumption(directory: RunDirectory) -> str:
    """The command that goes on with a run, to be pasted into a shell."""
    # The resolved recipe has the overrides in it, so this works whatever the run was started with.
    return shlex.join(["si", "run", str(directory.resolved), "--resume", "--out", str(directory.path)])
