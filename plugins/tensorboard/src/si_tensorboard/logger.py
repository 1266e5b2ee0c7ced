"""The logger: which event of a run makes which records.

=============  ================================================================================================
event          records
=============  ================================================================================================
started        a file of its own, which hides what an earlier process wrote of later steps; the text ``recipe``
step           a scalar for each number: ``train/loss``, ``train/losses/velocity``, ``train/grad_norm``, ...
checkpoint     nothing; the file is on the disk afterwards
finished       scalars ``estimates/...`` and ``seconds/...``, the text ``estimates``; the file is closed
interrupted,   the text ``end`` with the message; the file is closed
failed
=============  ================================================================================================

State is kept by run, so several runs in one process don't mix. What fails here is raised, and the core switches the
logger off with one warning.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from si_tensorboard.event_file import EventFile
from si_tensorboard.tags import estimates_table, recipe_table, scalars

if TYPE_CHECKING:
    from si_core import Event

__all__ = ["FOLDER", "hear"]

FOLDER = "tensorboard"
"""The folder of event files, in the run's."""

_open: dict[Path, EventFile] = {}


def hear(event: Event) -> None:
    """Write an event down; one of a kind that is not known, or of a run whose start was not heard, is passed over.

    Args:
        event: an event of a run, as the hook ``si_event`` describes it.

    Raises:
        OSError: a file can't be written; nothing more is written of this run.
    """
    run = event.directory.absolute()
    if event.name == "started":
        _close(run)
        _open[run] = EventFile(run / FOLDER, event.step)
    file, write = _open.get(run), _WRITERS.get(event.name)
    if file is None or write is None:
        return
    try:
        write(file, event)
    except BaseException:
        _close(run)
        raise
    if event.name in _ENDS:
        _close(run)


def _close(run: Path) -> None:
    file = _open.pop(run, None)
    if file is not None:
        file.close()


def _started(file: EventFile, event: Event) -> None:
    file.text("recipe", recipe_table(event.values["recipe"]), event.step)


def _step(file: EventFile, event: Event) -> None:
    record = {name: value for name, value in event.values.items() if name != "step"}
    file.scalars(scalars("train", record), event.step)


def _checkpoint(file: EventFile, event: Event) -> None:
    file.flush()


def _finished(file: EventFile, event: Event) -> None:
    estimates = event.values.get("estimates", [])
    numbers: dict[str, float] = {}
    for record in estimates:
        # Two estimators of one kind, with other options, keep apart.
        name, twin = record["name"], 2
        while f"estimates/{name}" in numbers:
            name, twin = f"{record['name']}-{twin}", twin + 1
        numbers |= scalars(f"estimates/{name}", record["value"])
        numbers |= scalars(f"estimates/{name}/standard_error", record.get("standard_error"))
    numbers |= scalars("seconds", event.values.get("seconds", {}))
    file.scalars(numbers, event.step)
    if estimates:
        file.text("estimates", estimates_table(estimates), event.step)
    file.flush()


def _ended(file: EventFile, event: Event) -> None:
    message, code = event.values.get("message", ""), event.values.get("exit_code")
    file.text("end", f"{event.name}, exit code {code}\n\n    {message}", event.step)
    file.flush()


_ENDS = ("finished", "interrupted", "failed")
_WRITERS: dict[str, Callable[[EventFile, Event], None]] = {
    "started": _started,
    "step": _step,
    "checkpoint": _checkpoint,
    "finished": _finished,
    "interrupted": _ended,
    "failed": _ended,
}
