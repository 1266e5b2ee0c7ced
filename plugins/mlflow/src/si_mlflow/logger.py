"""The logger: which event of a run becomes what in MLflow.

=============  ================================================================================================
event          there
=============  ================================================================================================
started        a run, or the same one again; the keys of the recipe as parameters, the recipe as ``recipe.json``
step           the numbers of the record as metrics at its step; new pictures as artifacts
finished       estimates as metrics, ``estimates.json``, new pictures; the run has FINISHED
interrupted    its message as a tag; the run is KILLED, and may go on later
failed         its message as a tag; the run has FAILED
=============  ================================================================================================

The run's number there is kept in ``mlflow-run.txt`` of its folder. Steps that are taken again after a kill are told
again, with the same numbers.
"""

from __future__ import annotations

import re
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlflow import MlflowClient
from mlflow.entities import Metric, Param, RunTag

from si_core.public.runs import NewPictures, event_numbers, recipe_leaves
from si_core.public.storage import write_atomic

if TYPE_CHECKING:
    from si_core import Event
    from si_mlflow.callback import MLflow

__all__ = ["ID", "Logger"]

ID = "mlflow-run.txt"
"""The file that names the run there, in the run's folder."""

_ENDS = {"finished": "FINISHED", "interrupted": "KILLED", "failed": "FAILED"}
_PARAMETER = 500
"""Characters of a parameter that every server takes."""

_AT_ONCE = 100
"""Parameters that every server takes at once."""

_OTHER_SIGNS = re.compile(r"[^\w\-./ ]", re.ASCII)
"""What a key there may not hold."""


class Logger:
    """A run here as it is there.

    Args:
        event: that it started.
        options: what the recipe says.

    Raises:
        Exception: whatever mlflow raises.
    """

    def __init__(self, event: Event, options: MLflow) -> None:
        directory = event.directory.absolute()
        self._client = MlflowClient()
        self._pictures = NewPictures(directory) if options.pictures else None
        known = directory / ID
        if known.is_file():
            self._run = known.read_text(encoding="utf-8").strip()
            self._client.update_run(self._run, status="RUNNING")
        else:
            self._run = self._made(event, options, directory)
            write_atomic(known, self._run.encode())

    def _made(self, event: Event, options: MLflow, directory: Path) -> str:
        client, recipe = self._client, event.values["recipe"]
        experiment = client.get_experiment_by_name(options.experiment)
        number = client.create_experiment(options.experiment) if experiment is None else experiment.experiment_id
        name = options.name or recipe.get("title") or directory.name
        run = str(client.create_run(number, run_name=name, tags=options.tags).info.run_id)
        told = [Param(_key(key), value[:_PARAMETER]) for key, value in recipe_leaves(recipe).items()]
        for start in range(0, len(told), _AT_ONCE):
            client.log_batch(run, params=told[start : start + _AT_ONCE])
        client.log_dict(run, recipe, "recipe.json")
        client.log_dict(run, event.values.get("environment", {}), "environment.json")
        return run

    def tell(self, event: Event) -> None:
        """Tell an event; the last one ends the run there.

        Raises:
            Exception: whatever mlflow raises.
        """
        now = int(time.time() * 1000)
        numbers = [Metric(_key(tag), value, now, event.step) for tag, value in event_numbers(event).items()]
        tags: list[Any] = []
        if event.name in ("interrupted", "failed"):
            tags = [RunTag("message", str(event.values.get("message", ""))), RunTag("step", str(event.step))]
        if numbers or tags:
            self._client.log_batch(self._run, metrics=numbers, tags=tags)
        if event.name == "finished":
            self._client.log_dict(self._run, {"estimates": event.values.get("estimates", [])}, "estimates.json")
        if self._pictures is not None and event.name in ("step", "finished"):
            for tag, path in self._pictures.take().items():
                self._client.log_artifact(self._run, str(path), tag.rpartition("/")[0])
        if event.name in _ENDS:
            self._client.set_terminated(self._run, _ENDS[event.name])


def _key(name: str) -> str:
    return _OTHER_SIGNS.sub("_", name)
