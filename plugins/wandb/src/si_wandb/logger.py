"""The logger: which event of a run becomes what in Weights & Biases.

=============  ================================================================================================
event          there
=============  ================================================================================================
started        a run, or the same one again; its config is the resolved recipe, and the versions of packages
step           the numbers of the record by tag, over ``step``; new pictures
finished       estimates in the summary, new pictures; the run ends
interrupted,   the message in the summary; the run ends with the exit code, and may go on later
failed
=============  ================================================================================================

The run's number there is kept in ``wandb/run-id.txt`` of its folder. Steps that are taken again after a kill are told
again, with the same numbers: over ``step`` they lie on one another.
"""

from __future__ import annotations

import os
import secrets
from pathlib import Path
from typing import TYPE_CHECKING, Any

import wandb

from si_core import UsageError
from si_core.public.runs import NewPictures, event_numbers
from si_core.public.storage import make_own_folder, write_atomic

if TYPE_CHECKING:
    from si_core import Event
    from si_wandb.callback import WandB

__all__ = ["FOLDER", "Logger"]

FOLDER = "wandb"
"""The folder of files for the service, in the run's."""

_ID = "run-id.txt"
_ENDS = ("finished", "interrupted", "failed")


class Logger:
    """A run here as it is there.

    Args:
        event: that it started.
        options: what the recipe says.

    Raises:
        Exception: whatever wandb raises.
    """

    def __init__(self, event: Event, options: WandB) -> None:
        directory, recipe = event.directory.absolute(), event.values["recipe"]
        self._pictures = NewPictures(directory) if options.pictures else None
        _refuse_to_ask(options.mode or os.environ.get("WANDB_MODE", "online"))
        self._there = wandb.init(
            project=options.project,
            entity=options.entity,
            name=options.name or recipe.get("title") or directory.name,
            group=options.group,
            tags=options.tags,
            notes=options.notes,
            mode=options.mode,
            id=_run_id(make_own_folder(directory / FOLDER)),
            resume="allow",
            reinit="create_new",
            dir=str(directory),
            config={"recipe": recipe, "environment": event.values.get("environment", {})},
            # What a run prints is in its own log; nothing of the process is listened to.
            settings=wandb.Settings(console="off", silent=True),
        )
        self._there.define_metric("*", step_metric="step")

    def tell(self, event: Event) -> None:
        """Tell an event; the last one ends the run there.

        Raises:
            Exception: whatever wandb raises.
        """
        told: dict[str, Any] = {}
        if event.name == "step":
            told |= event_numbers(event)
        elif event.name == "finished":
            self._there.summary.update(event_numbers(event))
        elif event.name in _ENDS:
            self._there.summary.update({"end": event.name, "message": event.values.get("message", "")})
        if self._pictures is not None and event.name in ("step", "finished"):
            told |= {tag: wandb.Image(str(path)) for tag, path in self._pictures.take().items()}
        if told:
            self._there.log(told | {"step": event.step})
        if event.name in _ENDS:
            self._there.finish(exit_code=int(event.values.get("exit_code", 0)))


def _refuse_to_ask(mode: str) -> None:
    """A run never waits for somebody to type a key."""
    if mode == "online" and not wandb.login(prompt=False):
        raise UsageError("there is no key for the service", where="wandb", fix="wandb login, or mode: offline")


def _run_id(folder: Path) -> str:
    """The run's number there: the one that it had before it was stopped, or a new one."""
    path = folder / _ID
    if not path.is_file():
        write_atomic(path, secrets.token_hex(8).encode())
    return path.read_text(encoding="ascii").strip()
