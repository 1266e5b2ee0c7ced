"""A run as those see it who follow it: parts that a recipe selects in a section of their kind.

A part may have any of these methods; one that is absent costs nothing::

    before_run(recipe)        everything is built, and nothing written yet: the place to refuse
    before_training(run)
    after_step(run)           every step; the record of it, if there is one, is run.metrics
    after_training(run)
    after_sampling(run)       in a folder only
    before_report(run)        in a folder only; estimates are made
    on_event(event)           each event of a run in a folder (si_core.Event), as loggers hear them: never stops the run
    state() -> dict           plain values (text, numbers, lists, dicts) that its next decisions depend on
    restore(state)            puts them back, where a run is resumed; a part has both of these or neither

What they raise stops the run, in the name of their plugin; but for ``on_event``, which is then heard no more, with one
warning. A logger (hook ``si_event``) is no part of a run, hears of all, and never stops one.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

__all__ = ["Run"]


class Run(Protocol):
    """A run that goes on, to be read."""

    @property
    def step(self) -> int:
        """Training steps done."""

    @property
    def steps(self) -> int:
        """Training steps that the recipe asks for."""

    @property
    def metrics(self) -> Mapping[str, Any]:
        """The newest record of ``metrics.jsonl``; empty before the first."""

    @property
    def directory(self) -> Path | None:
        """The run's folder; None for a run in memory."""

    def model(self) -> Any:
        """The model that training would give now (:class:`si_core.Model`), with networks of its own."""

    def request_stop(self, reason: str) -> None:
        """End training after this step, as if it were the last; what comes after training follows.

        The reason is kept with the checkpoint: a run that is resumed does not train on.
        """
