"""Who follows a run: the parts its recipe selects in sections, and the loggers; both are told from here alone.

A part is asked once for the methods it has (:mod:`si_core.contract.run`), so that one without any costs nothing. What
a part raises stops the run in the name of its plugin, for the recipe chose it; a logger is switched off.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn

from si_core.contract.event import Event
from si_core.contract.run import Run
from si_core.contract.runtime import Runtime
from si_core.discovery.events import emit
from si_core.discovery.guard import cause_of
from si_core.discovery.kinds import section_kinds
from si_core.discovery.lookup import Found, find
from si_core.discovery.shared_state import SharedState
from si_core.errors import PluginError, SIError, StorageError
from si_core.models.assembly import Assembly
from si_core.models.model import Model
from si_core.models.parts import build_selection, located
from si_core.recipes.recipe import Recipe
from si_core.recipes.selection import Selection
from si_core.storage.strict_json import format_json
from si_core.training.trainer import Trainer

__all__ = ["Part", "RunState", "Watch", "build_parts"]

_MOMENTS = ("before_training", "after_step", "after_training", "after_sampling", "before_report")


_STEPS = 500
"""Steps between two looks at what the process shares: for less than a tenth of a microsecond a step."""


@dataclass(frozen=True)
class Part:
    """A component that a section of the recipe selects, built.

    Args:
        path: its key.
        selection: what selects it.
        value: the component.
        found: whose it is; None for an object in memory.
    """

    path: str
    selection: Selection
    value: Any
    found: Found | None

    @property
    def label(self) -> str:
        """The component in an error."""
        return f"{self.selection.kind} {self.selection.name}" if self.found is None else self.found.label

    def call(self, method: str, *arguments: Any) -> Any:
        """What a method returns; None where the part has none of this name.

        Raises:
            PluginError: it raised something that is no error for users.
        """
        bound = getattr(self.value, method, None)
        if bound is None:
            return None
        try:
            return bound(*arguments)
        except (SIError, MemoryError):
            raise
        except (Exception, SystemExit) as error:
            self.blame(method, error)

    def blame(self, method: str, error: BaseException) -> NoReturn:
        """Raise what a method raised as an error of the plugin."""
        fix = "mend it, or leave it out of the recipe"
        if self.found is not None:
            authors = f"the authors of {self.found.plugin.distribution}"
            fix = f"change its options, leave it out of the recipe, or report it to {authors}"
        raise PluginError(f"its {method} failed: {cause_of(error)}", where=self.label, fix=fix) from error


def build_parts(recipe: Recipe, assembly: Assembly, runtime: Runtime) -> tuple[Part, ...]:
    """Build what the sections of the recipe select, in the order of the table, and ask it whether it agrees.

    Raises:
        RecipeError: options that don't fit, or a part that refuses the recipe.
        PluginError: a part that fails.
    """
    process = assembly.process
    context = {
        "recipe": recipe,
        "process": process,
        "fields": assembly.fields.names,
        "shape": process.target.shape,
        "interpolant": process.interpolant,
        "latent": process.latent,
        "runtime": runtime,
    }
    parts = []
    for kind in section_kinds():
        for index, selection in enumerate(recipe.section(str(kind.section))):
            path = f"{kind.section}.{index}" if kind.many else str(kind.section)
            value = build_selection(recipe, path, selection, **context)
            found = None if selection.in_memory else find(selection.kind, selection.qualified)
            part = Part(path, selection, value, found)
            _refuse_half(part)
            parts.append(part)
    for part in parts:
        with located(recipe, part.path):
            part.call("before_run", recipe)
    return tuple(parts)


def _refuse_half(part: Part) -> None:
    # Its state would be lost without a word where a run is resumed.
    has = [name for name in ("state", "restore") if callable(getattr(part.value, name, None))]
    if len(has) == 1:
        raise PluginError(
            "what a run is resumed from needs both of `state` and `restore`",
            where=part.label,
            got=f"`{has[0]}` alone",
            fix="write the other one, or neither",
        )


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
        return self.finish(self.trainer, copy.deepcopy(self.trainer.trained()))

    def request_stop(self, reason: str) -> None:
        """End training after this step."""
        self.trainer.stop(str(reason))


class Watch:
    """The parts and the loggers of one run.

    Args:
        parts: built by :func:`build_parts`.
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
        """Pass an event to the loggers."""
        emit(event)

    def record(self, record: Mapping[str, Any]) -> None:
        """A record of metrics was made."""
        self.run.metrics = record
        if self.run.directory is not None:
            self.event(Event("step", self.run.directory, self.run.step, record))

    def after_step(self) -> None:
        """A step of training is done."""
        for part, method in self._after_step:
            _tell(part, "after_step", method, self.run)

    def at(self, moment: str) -> None:
        """One of the other moments of a run has come."""
        for part, method in self._bound[moment]:
            _tell(part, moment, method, self.run)

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
