"""The callback ``mlflow``: what a recipe says of it; what it tells is :mod:`.logger`'s."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from si_core import ServiceCallback

if TYPE_CHECKING:
    from si_core import Event
    from si_mlflow.logger import Logger

__all__ = ["MLflow"]

Words = Annotated[str, Field(max_length=1000)]


class MLflow(ServiceCallback):
    """Shows the run in MLflow: the records of its metrics, estimates, pictures and recipe.

    A run that is resumed goes on in the same run there. Of several processes the first one tells. What fails is told
    once as a warning, and the run goes on without. Where the server or file is comes from MLFLOW_TRACKING_URI, and what
    it asks for from its other variables, never from a recipe. A run in memory has no folder and is not shown.

    Args:
        experiment: that the run belongs to; made where there is none.
        name: of the run; None for the title of the recipe.
        tags: of the run.
        pictures: whether pictures are stored: those of ``sample-pictures`` and of the report.

    Raises:
        UsageError: mlflow is not installed.
    """

    def __init__(
        self,
        experiment: Words = "si",
        name: Words | None = None,
        tags: dict[str, Words] | None = None,
        pictures: bool = True,
    ) -> None:
        self.refuse_without("mlflow", "si-mlflow")
        self.experiment, self.name, self.tags, self.pictures = experiment, name, tags, pictures

    def logger(self, started: Event) -> Logger:
        """The run as it is there."""
        from si_mlflow.logger import Logger

        return Logger(started, self)
