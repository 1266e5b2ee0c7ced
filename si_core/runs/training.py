"""Training: from a recipe to a model, in memory or into the folder of a run, from the start or from a checkpoint."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import torch

from si_core.contract.event import Event
from si_core.discovery.events import emit
from si_core.errors import DataError, NumericsError, PluginError, RecipeError, StorageError
from si_core.fields.learned import Predictor
from si_core.models.assembly import assemble
from si_core.models.learnable import parts_tensors
from si_core.models.model import Model
from si_core.process.fingerprint import data_parts, fingerprint
from si_core.recipes.grid import refuse_sweep
from si_core.recipes.recipe import Recipe
from si_core.runs.directory import RunDirectory
from si_core.runs.log import Console
from si_core.runs.same_process import check_same_process, fingerprint_tensors
from si_core.runs.signals import Interrupted, StopSignals
from si_core.storage.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from si_core.storage.fingerprints import data_changes, fingerprints
from si_core.storage.metrics import MetricsWriter
from si_core.storage.retention import newest_verified, prune
from si_core.storage.tensors import save_tensors
from si_core.training.trainer import Trainer

__all__ = ["restore", "train", "train_into"]

_PROGRESS_SECONDS = 0.1
_LINE_SECONDS = 10.0


def train(recipe: Recipe, device: str | torch.device = "cpu") -> Model:
    """Train a recipe in memory.

    Args:
        recipe: from :func:`si_core.load_recipe`.
        device: where to train.

    Returns:
        The trained model, with averaged weights where the recipe has ``train.ema``.

    Raises:
        RecipeError: parts that don't fit together, or a grid: :func:`si_core.sweep` is for that.
        NumericsError: a loss or a gradient is not finite.
    """
    refuse_sweep(recipe)
    assembly = assemble(recipe)
    trainer = Trainer(assembly, torch.device(device))
    while trainer.step < recipe.train.steps:
        trainer.advance()
    return _model(trainer)


def train_into(
    directory: RunDirectory,
    trainer: Trainer,
    console: Console,
    signals: StopSignals,
    saved: Callable[[int], object] = lambda step: None,
) -> Model:
    """Train into the folder of a run: metrics, checkpoints, and at the end ``model.safetensors``.

    Args:
        directory: the run's folder, owned by the caller.
        trainer: new, or as :func:`restore` left it.
        console: where to speak.
        signals: asks to stop.
        saved: told of the steps done after each checkpoint.

    Raises:
        Interrupted: a signal came; the state is saved.
        NumericsError: a loss, a gradient or a weight is not finite; the last checkpoint is untouched.
        StorageError: a file can't be written.
    """
    settings = trainer.train
    data = fingerprints(data_parts(trainer.assembly.process))
    shown = _Shown(trainer, console)
    with MetricsWriter(directory.metrics) as metrics:
        metrics.truncate_to(trainer.step)
        while trainer.step < settings.steps:
            trainer.advance()
            last = trainer.step == settings.steps
            if last or trainer.step % settings.log_every == 0:
                record = trainer.record()
                metrics.write(record)
                emit(Event("step", directory.path, trainer.step, record))
                shown.record(record)
            shown.progress()
            # Read once a step: whoever is told of a stop must have saved at this very step.
            stop = signals.stop_requested
            if last or stop or (settings.checkpoint_every and trainer.step % settings.checkpoint_every == 0):
                metrics.sync()
                _save(directory, trainer, data, console)
                saved(trainer.step)
            if stop:
                raise Interrupted(signals.exit_code or 130, f"stopped by a signal after step {trainer.step}; saved")
    if settings.steps == 0:
        # Nothing to train; what stands on a checkpoint finds one.
        _save(directory, trainer, data, console)
    metadata = {f"data.{end}": mark for end, mark in data.items()}
    metadata |= {"fields": ",".join(trainer.assembly.fields.names), "step": str(trainer.step)}
    weights = {name: value for name, value in trainer.trained().state_dict().items() if isinstance(value, torch.Tensor)}
    kept = parts_tensors(trainer.parts) | fingerprint_tensors(trainer.assembly.process)
    save_tensors(directory.model, weights | kept, metadata)
    return _model(trainer)


def restore(
    directory: RunDirectory,
    trainer: Trainer,
    console: Console,
    allow_data_change: bool = False,
    allow_process_change: bool = False,
) -> None:
    """Put a trainer where the newest good checkpoint of a run is; at step 0 where none was ever saved.

    Args:
        directory: the run's folder.
        trainer: the trainer, at step 0.
        console: where to speak.
        allow_data_change: go on with other data.
        allow_process_change: go on with another process.

    Raises:
        PluginError: the process is not the one that the checkpoint was trained for.
        StorageError: there are checkpoints, and none of them is good or fits.
        RecipeError: the checkpoint is of a later step than the recipe's last.
        DataError: the data are not those that the checkpoint was trained on.
    """
    path = newest_verified(directory.checkpoints, console.warn)
    if path is None:
        _refuse_lost(directory)
        console.line("no checkpoint was saved yet: starting again at step 0")
        return
    checkpoint = load_checkpoint(path)
    if checkpoint.step > trainer.train.steps:
        raise RecipeError(
            "the run is trained further than the recipe asks for",
            where=str(path),
            got=f"{checkpoint.step} steps",
            allowed=f"at most train.steps, which is {trainer.train.steps}",
            fix=f"train.steps={checkpoint.step} or more, or start a new run",
        )
    changes = data_changes(_mapping(checkpoint, "data"), fingerprints(data_parts(trainer.assembly.process)))
    if changes and not allow_data_change:
        raise DataError(
            "the data changed since this run was started",
            where=str(directory.path),
            got=changes,
            fix="put the old data back, start a new run, or go on with other data by --allow-data-change",
        )
    if changes:
        console.warn(f"going on with other data, as allowed: {changes}")
    trainer.restore(checkpoint.step, checkpoint.tensors, checkpoint.state, str(path))
    try:
        check_same_process(checkpoint.tensors.get("fingerprint", {}), trainer.assembly.process, directory, path)
    except PluginError as error:
        if not allow_process_change:
            raise
        console.warn(f"going on by force: {error}")
    console.line(f"resumed from step {checkpoint.step}")


def _mapping(checkpoint: Checkpoint, key: str) -> dict[str, Any]:
    value = checkpoint.state.get(key, {})
    return value if isinstance(value, dict) else {}


def _refuse_lost(directory: RunDirectory) -> None:
    """Refuse to train again in silence what was trained before."""
    left = sorted(path.name for path in directory.checkpoints.glob("*step-*")) if directory.checkpoints.is_dir() else []
    if left:
        raise StorageError(
            "none of the checkpoints is good",
            where=str(directory.checkpoints),
            got=", ".join(left[:5]),
            fix="start a new run, or remove this folder to train the run again from step 0",
        )


def _model(trainer: Trainer) -> Model:
    learned = trainer.assembly.fields
    predictor = trainer.trained().eval().requires_grad_(False)
    if not isinstance(predictor, Predictor):
        raise TypeError("the trainer's module is no predictor")
    return trainer.assembly.model(learned.of(predictor))


def _save(directory: RunDirectory, trainer: Trainer, data: dict[str, str], console: Console) -> None:
    broken = [
        name
        for module in (trainer.predictor, trainer.trained())
        for name, parameter in module.named_parameters()
        if not bool(torch.isfinite(parameter).all())
    ]
    if broken:
        raise NumericsError(
            "weights that are not finite are not saved; the last checkpoint is untouched",
            where=f"step {trainer.step}",
            got=", ".join(dict.fromkeys(broken[:5])),
            fix="a smaller learning rate (train.optimizer.lr), or train.clip: 1.0",
        )
    if not directory.resolved.is_file():
        raise StorageError(
            "the folder of the run is gone",
            where=str(directory.path),
            got=f"no {directory.resolved.name} in it at step {trainer.step}",
            fix="a running process must keep its folder: start again, into a folder that stays",
        )
    tensors, state = trainer.state()
    tensors["fingerprint"] = fingerprint(trainer.assembly.process)
    state |= {"recipe_hash": trainer.assembly.recipe.hash(), "data": data}
    path = save_checkpoint(directory.checkpoints, trainer.step, tensors, state)
    prune(directory.checkpoints, trainer.train.keep, written=path, report=console.warn)
    emit(Event("checkpoint", directory.path, trainer.step, {"path": str(path)}))


class _Shown:
    """What is shown of the steps: progress often, a line now and then."""

    def __init__(self, trainer: Trainer, console: Console) -> None:
        self._trainer, self._console, self._first = trainer, console, trainer.step
        self._began = time.monotonic()
        self._line, self._progress = self._began - _LINE_SECONDS, self._began
        self._losses = ""

    def record(self, record: dict[str, Any]) -> None:
        """A record of metrics was made."""
        self._losses = "  ".join(f"{name} {value:.4f}" for name, value in record["losses"].items())
        step, steps, now = self._trainer.step, self._trainer.train.steps, time.monotonic()
        if step == steps or now - self._line > _LINE_SECONDS:
            pace = (step - self._first) / max(now - self._began, 1e-9)
            self._console.line(f"step {step}/{steps}  {self._losses}  {pace:.0f} steps/s")
            self._line = now

    def progress(self) -> None:
        """A step was done."""
        step, steps, now = self._trainer.step, self._trainer.train.steps, time.monotonic()
        if step == steps or now - self._progress > _PROGRESS_SECONDS:
            self._console.progress(step, steps, self._losses)
            self._progress = now
