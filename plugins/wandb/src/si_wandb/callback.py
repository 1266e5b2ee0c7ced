"""The callback ``wandb``: what a recipe says of it; what it tells is :mod:`.logger`'s."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from si_core import ServiceCallback

if TYPE_CHECKING:
    from si_core import Event
    from si_wandb.logger import Logger

__all__ = ["WandB"]

Words = Annotated[str, Field(max_length=1000)]


class WandB(ServiceCallback):
    """Shows the run in Weights & Biases: the records of its metrics, estimates, pictures and recipe.

    A run that is resumed goes on in the same run there. Of several processes the first one tells. What fails is told
    once as a warning, and the run goes on without. The key comes from ``wandb login`` or WANDB_API_KEY, the server from
    WANDB_BASE_URL, never from a recipe. A run in memory has no folder and is not shown.

    Args:
        project: that the run belongs to.
        entity: the user or team; None for the default one.
        name: of the run; None for the title of the recipe.
        group: of runs that belong together.
        tags: of the run.
        notes: about the run.
        mode: online; offline, into ``wandb/`` of the run's folder, to be sent by ``wandb sync``; or disabled. None for
            WANDB_MODE, else online.
        pictures: whether pictures are sent: those of ``sample-pictures`` and of the report.

    Raises:
        UsageError: wandb is not installed.
    """

    def __init__(
        self,
        project: Words = "si",
        entity: Words | None = None,
        name: Words | None = None,
        group: Words | None = None,
        tags: list[Words] | None = None,
        notes: Words | None = None,
        mode: Literal["online", "offline", "disabled"] | None = None,
        pictures: bool = True,
    ) -> None:
        self.refuse_without("wandb", "si-wandb")
        self.project, self.entity, self.name, self.group = project, entity, name, group
        self.tags, self.notes, self.mode, self.pictures = tags, notes, mode, pictures

    def logger(self, started: Event) -> Logger:
        """The run as it is there."""
        from si_wandb.logger import Logger

        return Logger(started, self)
