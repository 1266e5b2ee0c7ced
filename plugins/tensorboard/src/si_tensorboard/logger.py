"""The logger: which event of a run makes which records.

=============  ================================================================================================
event          records
=============  ================================================================================================
started        a file of its own, which hides what an earlier process wrote of later steps; the text ``recipe``
step           a scalar for each number: ``train/loss``, ``train/losses/velocity``, ``train/grad_norm``, ...; and new
               pictures of samples
finished       scalars ``estimates/...`` and ``seconds/...``, the text ``estimates``, new pictures; the file is closed
interrupted,   the text ``end`` with the message; the file is closed
failed
=============  ================================================================================================

State is kept by run, so several runs in one process don't mix. What fails here is raised, and the core switches the
logger off with one warning.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from si_core.public.runs import NewPictures, event_numbers
from si_tensorboard.event_file import EventFile
from si_tensorboard.tags import estimates_table, recipe_table

if TYPE_CHECKING:
    from si_core import Event

__all__ = ["FOLDER", "hear"]

FOLDER = "tensorboard"
"""The folder of event files, in the run's."""


class _Followed(NamedTuple):
    """A run that is followed: its file, and the pictures that it makes."""

    file: EventFile
    pictures: NewPictures


_open: dict[Path, _Followed] = {}


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
        _open[run] = _Followed(EventFile(run / FOLDER, event.step), NewPictures(run))
    followed, write = _open.get(run), _WRITERS.get(event.name)
    if followed is None or write is None:
        return
    try:
        write(followed, event)
    except BaseException:
        _close(run)
        raise
    if event.name in _ENDS:
        _close(run)


def _close(run: Path) -> None:
    followed = _open.pop(run, None)
    if followed is not None:
        followed.file.close()


def _started(run: _Followed, event: Event) -> None:
    run.file.text("recipe", recipe_table(event.values["recipe"]), event.step)


def _step(run: _Followed, event: Event) -> None:
    run.file.scalars(event_numbers(event), event.step)
    run.file.pictures(run.pictures.take(), event.step)


def _finished(run: _Followed, event: Event) -> None:
    run.file.scalars(event_numbers(event), event.step)
    estimates = event.values.get("estimates", [])
    if estimates:
        run.file.text("estimates", estimates_table(estimates), event.step)
    run.file.pictures(run.pictures.take(), event.step)


def _ended(run: _Followed, event: Event) -> None:
    message, code = event.values.get("message", ""), event.values.get("exit_code")
    run.file.text("end", f"{event.name}, exit code {code}\n\n    {message}", event.step)


_ENDS = ("finished", "interrupted", "failed")
_WRITERS: dict[str, Callable[[_Followed, Event], None]] = {
    "started": _started,
    "step": _step,
    "finished": _finished,
    "interrupted": _ended,
    "failed": _ended,
}
