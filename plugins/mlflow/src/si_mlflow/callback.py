"""The callback ``mlflow``: what a recipe says of it; what it tells is :mod:`.logger`'s."""

from __future__ import annotations

import importlib.util
from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from si_core import Callback, UsageError

if TYPE_CHECKING:
    from si_core import Event
    from si_mlflow.logger import Logger

__all__ = ["MLflow"]

Words = Annotated[str, Field(max_length=1000)]


class MLflow(Callback):
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
        if importlib.util.find_spec("mlflow") is None:
            raise UsageError(
                "the callback mlflow needs the package mlflow, which is not installed",
                where="mlflow",
                fix="pip install 'si-mlflow[mlflow]' (or mlflow itself), or leave this callback out",
            )
        self.experiment, self.name, self.tags, self.pictures = experiment, name, tags, pictures
        self._logger: Logger | None = None

    def on_event(self, event: Event) -> None:
        """Tell an event; what fails is raised, and the core then switches this off with one warning."""
        from si_mlflow.logger import Logger

        if event.name == "started":
            self._logger = Logger(event, self)
        elif self._logger is not None:
            self._logger.tell(event)
