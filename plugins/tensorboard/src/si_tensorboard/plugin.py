"""What this plugin offers: it listens to runs. It is imported to list it, so nothing heavy is imported here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from si_core import hookimpl

if TYPE_CHECKING:
    from si_core import Event

__all__ = ["si_event"]


@hookimpl
def si_event(event: Event) -> None:
    """Write an event of a run down; tensorboard is imported at the first one."""
    from si_tensorboard.logger import hear

    hear(event)
