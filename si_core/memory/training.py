"""Training that a person waits for: shown, and stopped by Ctrl-C with what is trained so far."""

from __future__ import annotations

import logging
import signal
from dataclasses import dataclass
from typing import Any

from si_core.contract.runtime import Runtime
from si_core.memory.progress import Progress
from si_core.models.assembly import Assembly
from si_core.models.model import Model
from si_core.recipes.recipe import Recipe
from si_core.runs.fitted_sampler import fitted_sampler
from si_core.runs.signals import StopSignals
from si_core.runs.training import begun, finished, steps

__all__ = ["Trained", "train_shown"]

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Trained:
    """What training gave.

    Args:
        assembly: the recipe, put together.
        model: the model.
        step: the steps taken.
        history: the records of metrics, in order.
    """

    assembly: Assembly
    model: Model
    step: int
    history: tuple[dict[str, Any], ...]


def train_shown(recipe: Recipe, runtime: Runtime, progress: bool | None = None) -> Trained:
    """Train a recipe as :func:`si_core.train` does, to its last step or to Ctrl-C, whichever comes first.

    The first Ctrl-C lets the step end, and what is trained is returned with a warning; a second one stops at once.
    Signals are as they were afterwards. Where Python allows no handlers, outside the main thread, a KeyboardInterrupt
    that is raised in a step has the same effect.

    Args:
        recipe: the recipe.
        runtime: where to train.
        progress: whether to show a bar; None where somebody looks.

    Raises:
        KeyboardInterrupt: before a step was done, or the second.
        SIError: as :func:`si_core.train`.
    """
    watch, history = begun(recipe, runtime), list[dict[str, Any]]()
    trainer = watch.run.trainer
    with StopSignals((signal.SIGINT,)) as signals, Progress(recipe.train.steps, progress) as bar:
        try:
            for _ in steps(watch, history.append):
                bar.at(trainer.step, f"loss {history[-1]['loss']:.4f}" if history else "")
                if signals.stop_requested:
                    trainer.stop("interrupted")
        except KeyboardInterrupt:
            if signals.stop_requested or trainer.step == 0:
                raise
            trainer.stop("interrupted")
    if trainer.stopped == "interrupted":
        _log.warning(
            "interrupted after step %d of %d: this is what is trained so far", trainer.step, trainer.train.steps
        )
    elif trainer.stopped is not None:
        _log.warning("training ended after step %d of %d: %s", trainer.step, trainer.train.steps, trainer.stopped)
    if trainer.step > (history[-1]["step"] if history else 0) and trainer.measured:
        # The last record is of the last step, as where training ends by itself.
        history.append(trainer.record())
    watch.at("after_training")
    return Trained(trainer.assembly, fitted_sampler(None, recipe, finished(trainer)), trainer.step, tuple(history))
