"""Training: from a recipe to a model, in memory or into the folder of a run, from the start or from a checkpoint."""

from __future__ import annotations

import time
from pathlib import Path

import torch

from si_core.discovery.events import emit
from si_core.errors import StorageError
from si_core.fields.learned import LearnedFields, Predictor
from si_core.recipes.recipe import Recipe
from si_core.runs.assembly import Assembly, assemble
from si_core.runs.checkpoint import load_checkpoint, save_checkpoint
from si_core.runs.directory import RunDirectory
from si_core.runs.event import Event
from si_core.runs.log import Console
from si_core.runs.metrics import MetricsWriter
from si_core.runs.model import Model
from si_core.runs.retention import newest_verified, prune
from si_core.runs.signals import StopSignals
from si_core.runs.tensors import save_tensors
from si_core.runs.trainer import Trainer

__all__ = ["Interrupted", "train", "train_into"]

_PROGRESS_SECONDS = 0.1


class Interrupted(BaseException):
    """Training was asked to stop by a signal; a checkpoint was saved.

    Args:
        exit_code: 130 or 143.
        step: steps done.
    """

    def __init__(self, exit_code: int, step: int) -> None:
        super().__init__(f"stopped by a signal after step {step}")
        self.exit_code, self.step = exit_code, step


def train(recipe: Recipe, device: str | torch.device = "cpu") -> Model:
    """Train a recipe in memory.

    Args:
        recipe: from :func:`si_core.load_recipe`.
        device: where to train.

    Returns:
        The trained model, with averaged weights where the recipe has ``train.ema``.

    Raises:
        RecipeError: parts that don't fit together.
        NumericsError: a loss or a gradient is not finite.
    """
    assembly = assemble(recipe)
    trainer = Trainer(assembly, torch.device(device))
    while trainer.step < recipe.train.steps:
        trainer.advance()
    return _model(assembly, trainer)


def _model(assembly: Assembly, trainer: Trainer) -> Model:
    learned = assembly.fields
    predictor = trainer.trained().eval().requires_grad_(False)
    if not isinstance(predictor, Predictor):
        raise TypeError("the trainer's module is no predictor")
    return assembly.model(LearnedFields(learned.process, learned.names, predictor, learned.parametrisation))


def train_into(
    directory: RunDirectory,
    assembly: Assembly,
    device: torch.device,
    console: Console,
    signals: StopSignals,
    resume: bool,
) -> Model:
    """Train into the folder of a run: metrics, checkpoints, and at the end ``model.safetensors``.

    Args:
        directory: the run's folder, owned by the caller.
        assembly: the recipe, put together.
        device: where to train.
        console: where to speak.
        signals: asks to stop.
        resume: go on from the newest good checkpoint, where there is one.

    Raises:
        Interrupted: a signal came; the state is saved.
        NumericsError: a loss or a gradient is not finite; the last checkpoint is untouched.
        StorageError: a file can't be written.
    """
    settings = assembly.recipe.train
    trainer = Trainer(assembly, device)
    if resume:
        _restore(directory, trainer, console)
    started, shown, first = time.monotonic(), 0.0, trainer.step
    with MetricsWriter(directory.metrics) as metrics:
        metrics.truncate_to(trainer.step)
        while trainer.step < settings.steps:
            trainer.advance()
            if trainer.step % settings.log_every == 0 or trainer.step == settings.steps:
                record = trainer.record()
                metrics.write(record)
                emit(Event("step", directory.path, trainer.step, record))
                pace = (trainer.step - first) / max(time.monotonic() - started, 1e-9)
                losses = "  ".join(f"{name} {value:.4f}" for name, value in record["losses"].items())
                text = f"{losses}  {pace:.0f} steps/s"
                console.progress(trainer.step, settings.steps, text)
                if trainer.step == settings.steps or time.monotonic() - shown > 10:
                    console.line(f"step {trainer.step}/{settings.steps}  {text}")
                    shown = time.monotonic()
            due = settings.checkpoint_every is not None and trainer.step % settings.checkpoint_every == 0
            if due or signals.stop_requested or trainer.step == settings.steps:
                metrics.sync()
                _save(directory, trainer, console)
            if signals.stop_requested and trainer.step < settings.steps:
                raise Interrupted(signals.exit_code or 130, trainer.step)
    model = _model(assembly, trainer)
    weights = {name: value for name, value in trainer.trained().state_dict().items() if isinstance(value, torch.Tensor)}
    save_tensors(directory.model, weights, {"fields": ",".join(assembly.fields.names), "step": str(trainer.step)})
    return model


def _save(directory: RunDirectory, trainer: Trainer, console: Console) -> None:
    tensors, state = trainer.state()
    state["recipe_hash"] = trainer.assembly.recipe.hash()
    path = save_checkpoint(directory.checkpoints, trainer.step, tensors, state)
    prune(directory.checkpoints, trainer.train.keep, written=path, report=console.warn)
    emit(Event("checkpoint", directory.path, trainer.step, {"path": str(path)}))


def _restore(directory: RunDirectory, trainer: Trainer, console: Console) -> None:
    path: Path | None = newest_verified(directory.checkpoints, console.warn)
    if path is None:
        console.line("no checkpoint yet: starting at step 0")
        return
    checkpoint = load_checkpoint(path)
    missing = {"weights", "optimizer"} - set(checkpoint.tensors)
    if missing:
        raise StorageError("the checkpoint lacks a part", where=str(path), got=f"no {', '.join(sorted(missing))}")
    trainer.restore(checkpoint.step, checkpoint.tensors, checkpoint.state, str(path))
    console.line(f"resumed from step {checkpoint.step}")
