"""Training: from a recipe to a model, in memory or into the folder of a run, from the start or from a checkpoint."""

from __future__ import annotations

import copy
import logging
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import torch
from torch import nn

from si_core.contract.event import Event
from si_core.contract.runtime import Runtime
from si_core.errors import DataError, NumericsError, PluginError, RecipeError, StorageError
from si_core.fields.predictor import Predictor
from si_core.models.assembly import assemble
from si_core.models.model import Model
from si_core.process.fingerprint import data_parts, fingerprint
from si_core.recipes.paths import path_texts
from si_core.recipes.recipe import Recipe
from si_core.runs.directory import RunDirectory
from si_core.runs.initial import begin_from
from si_core.runs.log import Console
from si_core.runs.model_file import save_model
from si_core.runs.same_process import check_same_process
from si_core.runs.same_recipe import check_same_recipe, kept_recipe
from si_core.runs.signals import Interrupted, StopSignals
from si_core.runs.watching import Part, RunState, Watch, build_parts
from si_core.storage.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from si_core.storage.fingerprints import PARTS, data_changes, fingerprints
from si_core.storage.metrics import MetricsWriter
from si_core.storage.retention import newest_verified, prune
from si_core.training.trainer import Trainer

__all__ = ["begun", "finished", "restore", "steps", "train", "train_into", "watched"]

_log = logging.getLogger(__name__)
_PROGRESS_SECONDS = 0.1
_LINE_SECONDS = 10.0


def train(recipe: Recipe, device: str | torch.device | Runtime = "cpu") -> Model:
    """Train a recipe in memory.

    Args:
        recipe: from :func:`si_core.load_recipe`.
        device: where to train, ``auto`` for a CUDA device where there is one; or a runtime.

    Returns:
        The trained model, with averaged weights where the recipe has ``train.ema``.

    Raises:
        UsageError: no such device here, or a process that is one of several.
        RecipeError: parts that don't fit together, one that refuses the recipe, or no run to start from.
        NumericsError: a loss or a gradient is not finite.
        PluginError: a part that follows the run fails.
    """
    watch = begun(recipe, Runtime.at(device))
    for _ in steps(watch):
        pass
    watch.at("after_training")
    return finished(watch.run.trainer)


def begun(recipe: Recipe, runtime: Runtime) -> Watch:
    """A training in memory at step 0, with those who follow it."""
    assembly = assemble(recipe)
    begin_from(assembly)
    parts = build_parts(recipe, assembly, runtime)
    return watched(Trainer(assembly, runtime), parts)


def watched(trainer: Trainer, parts: Iterable[Part], directory: RunDirectory | None = None) -> Watch:
    """The followers of a training: parts as they were built, and loggers where there is a folder."""
    return Watch(parts, RunState(trainer, finished, None if directory is None else directory.path))


def steps(watch: Watch, written: Callable[[dict[str, Any]], object] = lambda record: None) -> Iterator[None]:
    """Take one step after another to the last, with a record of each interval; followers are told of both."""
    trainer = watch.run.trainer
    if trainer.train.steps == 0:
        start = "as they were drawn" if trainer.assembly.recipe.init is None else "those of init"
        _log.warning("train.steps is 0: nothing is trained, and the weights are %s", start)
    if not trainer.finished:
        watch.at("before_training")
    while not trainer.finished:
        trainer.advance()
        due = trainer.finished or trainer.step % trainer.train.log_every == 0
        if due:
            _note(watch, written)
        watch.after_step()
        if trainer.finished and not due:
            _note(watch, written)
        yield


def _note(watch: Watch, written: Callable[[dict[str, Any]], object]) -> None:
    record = watch.run.trainer.record()
    written(record)
    watch.record(record)


def train_into(
    directory: RunDirectory,
    watch: Watch,
    console: Console,
    signals: StopSignals,
    saved: Callable[[int], object] = lambda step: None,
    renew: bool = False,
) -> Model:
    """Train into the folder of a run: metrics, checkpoints, and at the end ``model.safetensors``.

    Args:
        directory: the run's folder, owned by the caller.
        watch: the followers of a training that is new, or as :func:`restore` left it.
        console: where to speak.
        signals: asks to stop.
        saved: told of the steps done after each checkpoint.
        renew: whether to write the checkpoint of the present step first, as :func:`restore` says.

    Raises:
        Interrupted: a signal came; the state is saved.
        NumericsError: a loss, a gradient or a weight is not finite; the last checkpoint is untouched.
        StorageError: a file can't be written.
    """
    trainer = watch.run.trainer
    every, data = trainer.train.checkpoint_every, fingerprints(data_parts(trainer.assembly.process))
    shown = _Shown(trainer, console)
    with MetricsWriter(directory.metrics) as metrics:
        metrics.truncate_to(trainer.step)
        if renew or (trainer.step == 0 and trainer.assembly.recipe.init is not None):
            # From here on what these weights came from, a run or the word of who forced it, is not needed.
            _save(directory, watch, data, console)

        def written(record: dict[str, Any]) -> None:
            metrics.write(record)
            shown.record(record)

        for _ in steps(watch, written):
            shown.progress()
            # Read once a step: whoever is told of a stop must have saved at this very step.
            stop = signals.stop_requested
            if trainer.finished or stop or (every and trainer.step % every == 0):
                metrics.sync()
                _save(directory, watch, data, console)
                saved(trainer.step)
            if stop:
                raise Interrupted(signals.exit_code or 130, f"stopped by a signal after step {trainer.step}; saved")
    if trainer.stopped is not None:
        console.line(f"training ended early, after step {trainer.step}/{trainer.train.steps}: {trainer.stopped}")
    if trainer.step == 0:
        # Nothing was trained; what stands on a checkpoint finds one.
        _save(directory, watch, data, console)
    watch.at("after_training")
    model = finished(trainer)
    save_model(directory, model, trainer.step)
    return model


def restore(
    directory: RunDirectory,
    watch: Watch,
    console: Console,
    allow_data_change: bool = False,
    force: bool = False,
) -> bool:
    """Put a training and its followers where the newest good checkpoint is; at step 0 where none was ever saved.

    Args:
        directory: the run's folder.
        watch: the training at step 0, with those who follow it.
        console: where to speak.
        allow_data_change: go on with other data.
        force: go on with another process, or from a checkpoint that was made by another recipe.

    Returns:
        Whether a checkpoint of this run has still to be written where it is now, as that one is another recipe's.

    Raises:
        PluginError: the process is not the one that the checkpoint was trained for.
        StorageError: there are checkpoints, and none of them is good or fits; or the newest is another run's.
        RecipeError: the checkpoint is of a later step than the recipe's last.
        DataError: the data are not those that the checkpoint was trained on.
    """
    trainer = watch.run.trainer
    path = newest_verified(directory.checkpoints, console.warn)
    if path is None:
        _refuse_lost(directory)
        console.line("no checkpoint was saved yet: starting again at step 0")
        return False
    checkpoint = load_checkpoint(path)
    foreign = _foreign(checkpoint, trainer.assembly.recipe, path, console, force)
    if checkpoint.step > trainer.train.steps:
        raise RecipeError(
            "the run is trained further than the recipe asks for",
            where=str(path),
            got=f"{checkpoint.step} steps",
            allowed=f"at most train.steps, which is {trainer.train.steps}",
            fix=f"train.steps={checkpoint.step} or more, or start a new run",
        )
    recipe, now = trainer.assembly.recipe, fingerprints(data_parts(trainer.assembly.process))
    selected = {part: getattr(recipe, part, None) for part in PARTS}
    files = {part: ", ".join(text for _, text in path_texts(one)) for part, one in selected.items() if one is not None}
    changes = data_changes(_mapping(checkpoint, "data"), now, files)
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
        if not force:
            raise
        console.warn(f"going on by force: {error}")
    watch.restore(checkpoint.state.get("parts"), str(path))
    console.line(f"resumed from step {checkpoint.step}")
    return foreign


def _foreign(checkpoint: Checkpoint, recipe: Recipe, path: Path, console: Console, force: bool) -> bool:
    """Whether a checkpoint is another recipe's, which is allowed by force only."""
    fix = "remove it, so that an older one serves; or go on from it by --force, if this run is to have its weights"
    try:
        check_same_recipe(checkpoint.state.get("recipe"), recipe, str(path), fix)
    except StorageError as error:
        if not force:
            raise
        console.warn(f"going on by force: {error}")
        return True
    return False


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


def finished(trainer: Trainer, module: nn.Module | None = None) -> Model:
    """The model of the trained weights, or of a copy of them."""
    learned = trainer.assembly.fields
    if module is None:
        module = trainer.trained()
        if module is trainer.predictor and trainer.assembly.recipe.network.in_memory:
            module = copy.deepcopy(module)  # the user's own stays as training leaves it
    predictor = module.eval().requires_grad_(False)
    if not isinstance(predictor, Predictor):
        raise TypeError("the trainer's module is no predictor")
    return trainer.assembly.model(learned.of(predictor)).on(trainer.runtime)


def _save(directory: RunDirectory, watch: Watch, data: dict[str, str], console: Console) -> None:
    trainer = watch.run.trainer
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
            fix="a running process must keep its folder: go on where the folder is now, or start again",
        )
    tensors, state = trainer.state()
    tensors["fingerprint"] = fingerprint(trainer.assembly.process)
    state |= {"recipe": kept_recipe(trainer.assembly.recipe), "data": data, "parts": watch.state()}
    path = save_checkpoint(directory.checkpoints, trainer.step, tensors, state)
    prune(directory.checkpoints, trainer.train.keep, written=path, report=console.warn)
    watch.event(Event("checkpoint", directory.path, trainer.step, {"path": str(path)}))


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
        if self._trainer.finished or now - self._line > _LINE_SECONDS:
            pace = (step - self._first) / max(now - self._began, 1e-9)
            self._console.line(f"step {step}/{steps}  {self._losses}  {pace:.0f} steps/s")
            self._line = now

    def progress(self) -> None:
        """A step was done."""
        step, steps, now = self._trainer.step, self._trainer.train.steps, time.monotonic()
        if self._trainer.finished or now - self._progress > _PROGRESS_SECONDS:
            self._console.progress(step, steps, self._losses)
            self._progress = now
