"""Who follows a run: the parts its recipe selects in sections, and the loggers; both are told from here alone.

A part is asked once for the methods it has (:mod:`si_core.contract.run`), so that one without any costs nothing. What
a part raises stops the run in the name of its plugin, for the recipe chose it; a logger is switched off, and so is
the ``on_event`` of a part. Of several processes the first one tells its parts, and the others learn what they decided.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from si_core.contract.event import Event
from si_core.contract.run import Run
from si_core.contract.together import alone
from si_core.discovery.events import Listener, emit
from si_core.discovery.shared_state import SharedState
from si_core.errors import PluginError, SIError, StorageError
from si_core.models.model import Model
from si_core.runs.selected_parts import Part
from si_core.storage.strict_json import format_json
from si_core.training.trainer import Trainer

__all__ = ["RunState", "Watch"]

_MOMENTS = ("before_training", "after_step", "after_training", "after_sampling", "before_report")


_DECIDING = ("before_training", "after_step")
"""Those at which a part may ask that training end."""

_STEPS = 500
"""Steps between two looks at what the process shares: for less than a tenth of a microsecond a step."""


@dataclass
class RunState:
    """The view of a run that parts are given: a :class:`si_core.contract.run.Run`.

    Args:
        trainer: the training.
        finish: makes the model of a trained predictor.
        directory: the run's folder; None in memory.
    """

    trainer: Trainer
    finish: Callable[[Trainer, Any], Model]
    directory: Path | None = None
    metrics: Mapping[str, Any] = field(default_factory=dict)

    @property
    def step(self) -> int:
        """Training steps done."""
        return self.trainer.step

    @property
    def steps(self) -> int:
        """Training steps that the recipe asks for."""
        return self.trainer.train.steps

    def model(self) -> Model:
        """The model that training would give now, with networks of its own."""
        return self.finish(self.trainer, copy.deepcopy(self.trainer.gathered()))

    def request_stop(self, reason: str) -> None:
        """End training after this step."""
        self.trainer.stop(str(reason))


class Watch:
    """The parts and the loggers of one run.

    Args:
        parts: from :func:`si_core.runs.selected_parts.build_parts`.
        run: what the parts see.
    """

    def __init__(self, parts: Iterable[Part], run: RunState) -> None:
        self.run, self._parts = run, tuple(parts)
        self._bound = {
            moment: tuple(
                (part, method) for part in self._parts if (method := getattr(part.value, moment, None)) is not None
            )
            for moment in _MOMENTS
        }
        self._after_step = self._bound["after_step"]
        self._listeners = tuple(
            Listener(heard, part.label)
            for part in self._parts
            if (heard := getattr(part.value, "on_event", None)) is not None
        )
        self._processes = run.trainer.runtime.processes
        self._decides = self._processes is not None and any(map(self._bound.get, _DECIDING))
        self._shared: SharedState | None = None
        self._looked = 0

    def look(self) -> None:
        """From now on see to it that components leave alone what the whole process shares."""
        self._shared, self._looked = SharedState(), self.run.step

    def put_back(self, now: bool = True) -> None:
        """Put back what they have changed since; who did it is looked for in the next step.

        Args:
            now: whether it is needed here, or only if it has not been done for long.
        """
        step = self.run.step
        if self._shared is None or not (now or step - self._looked >= _STEPS):
            return
        self._looked = step
        if self._shared.put_back():
            self.run.trainer.watch()

    def event(self, event: Event) -> None:
        """Pass an event to the loggers, and to the parts that listen."""
        emit(event)
        for listener in self._listeners:
            listener.tell(event)

    def record(self, record: Mapping[str, Any]) -> None:
        """A record of metrics was made."""
        self.run.metrics = record
        if self.run.directory is not None:
            self.event(Event("step", self.run.directory, self.run.step, record))

    def after_step(self) -> None:
        """A step of training is done."""
        self._tell_all("after_step", self._after_step)

    def at(self, moment: str) -> None:
        """One of the other moments of a run has come."""
        self._tell_all(moment, self._bound[moment])

    def _tell_all(self, moment: str, bound: Iterable[tuple[Part, Callable[[Run], object]]]) -> None:
        if self._processes is None:
            for part, method in bound:
                _tell(part, moment, method, self.run)
            return
        if self._processes.leads:
            with alone():
                for part, method in bound:
                    _tell(part, moment, method, self.run)
        if self._decides and moment in _DECIDING:
            self.run.trainer.stopped = self._processes.of_leader(self.run.trainer.stopped)

    def state(self) -> list[dict[str, Any]]:
        """What the parts' next decisions depend on, as plain values, for a checkpoint.

        Raises:
            PluginError: a part's state is not plain.
        """
        kept = []
        for part in self._parts:
            state = part.call("state") if hasattr(part.value, "restore") else None
            if state is not None:
                try:
                    format_json(state, part.path)
                except SIError as error:
                    raise PluginError(f"its state is not plain: {error.problem}", where=part.label) from error
                chosen = part.selection
                kept.append({"kind": chosen.kind, "name": chosen.name, "path": part.path, "state": state})
        return kept

    def restore(self, kept: Any, where: str) -> None:
        """Put the parts back; one that the checkpoint does not know starts anew.

        Raises:
            StorageError: what the checkpoint holds is no list of states.
            PluginError: a part can't go on from its state.
        """
        if kept is None:
            return
        if not isinstance(kept, list) or not all(isinstance(entry, dict) and "state" in entry for entry in kept):
            raise StorageError("the checkpoint's states of parts can't be read", where=where, fix="start a new run")
        known = {(entry.get("kind"), entry.get("name"), entry.get("path")): entry["state"] for entry in kept}
        for part in self._parts:
            state = known.get((part.selection.kind, part.selection.name, part.path))
            if state is not None:
                part.call("restore", state)


def _tell(part: Part, moment: str, method: Callable[[Run], object], run: Run) -> None:
    try:
        method(run)
    except (SIError, MemoryError):
        raise
    except (Exception, SystemExit) as error:
        part.blame(moment, error)
