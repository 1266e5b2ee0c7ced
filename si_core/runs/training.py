"""Training: from a recipe to a model, in memory or into the folder of a run."""

from __future__ import annotations

import copy
import logging
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

import torch
from torch import nn

from si_core.contract.runtime import Runtime
from si_core.contract.together import failing_together
from si_core.errors import RecipeError, StorageError
from si_core.fields.predictor import Predictor
from si_core.models.assembly import assemble
from si_core.models.model import Model
from si_core.process.fingerprint import data_parts
from si_core.recipes.recipe import Recipe
from si_core.recipes.training import PowerAverages
from si_core.runs.agreement import agree
from si_core.runs.averages import save_averages
from si_core.runs.directory import RunDirectory
from si_core.runs.initial import begin_from
from si_core.runs.log import Console, Silence
from si_core.runs.model_file import save_model
from si_core.runs.records import LogRecords
from si_core.runs.saving import save_state, saving_due, saving_first
from si_core.runs.selected_parts import Part, build_parts
from si_core.runs.shown_training import ShownTraining
from si_core.runs.signals import Interrupted, StopSignals
from si_core.runs.watching import RunState, Watch
from si_core.storage.atomic import write_atomic
from si_core.storage.fingerprints import fingerprints
from si_core.storage.metrics import MetricsWriter
from si_core.storage.strict_json import format_json
from si_core.training.nonfinite import NonFiniteStep
from si_core.training.trainer import Trainer

__all__ = ["begun", "finished", "steps", "train", "train_into", "watched"]

_log = logging.getLogger(__name__)


def train(recipe: Recipe, device: str | torch.device | Runtime = "cpu") -> Model:
    """Train a recipe in memory.

    Args:
        recipe: from :func:`si_core.load_recipe`.
        device: where to train, ``auto`` for a CUDA device where there is one; or a runtime. Processes that torchrun
            started share each batch, and all get the model.

    Returns:
        The trained model, with averaged weights where the recipe has ``train.ema``.

    Raises:
        UsageError: no such device here, or processes that were not started alike.
        LostProcess: another process has ended.
        RecipeError: parts that don't fit together, one that refuses the recipe, or no run to start from.
        NumericsError: a loss or a gradient is not finite.
        PluginError: a part that follows the run fails.
    """
    runtime = Runtime.at(device, together=True)
    with failing_together(runtime.processes), nullcontext() if runtime.leads else LogRecords(Silence()):
        watch = begun(recipe, runtime)
        for _ in steps(watch):
            pass
        watch.at("after_training")
        return finished(watch.run.trainer)


def begun(recipe: Recipe, runtime: Runtime) -> Watch:
    """A training in memory at step 0, with those who follow it."""
    assembly = assemble(recipe)
    _refuse_other_average(recipe)
    begin_from(assembly)
    parts = build_parts(recipe, assembly, runtime)
    agree(assembly, runtime.processes)
    return watched(Trainer(assembly, runtime), parts)


def _refuse_other_average(recipe: Recipe) -> None:
    """In memory there are no averages but those that are followed."""
    chosen, lengths = recipe.sample.ema, recipe.train.ema.lengths if isinstance(recipe.train.ema, PowerAverages) else []
    if chosen is not None and chosen not in lengths:
        raise RecipeError(
            "training in memory keeps no averages from which another could be made",
            where=recipe.where("sample.ema"),
            got=chosen,
            allowed=", ".join(map(str, lengths)),
            fix=f"train.ema: {{use: power, lengths: {[*lengths, chosen]}}}, or `si run`",
        )


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
    watch.look()
    while not trainer.finished:
        trainer.advance()
        due = trainer.finished or trainer.step % trainer.train.log_every == 0
        if due:
            watch.put_back(trainer.finished)
            _note(watch, written)
        watch.after_step()
        if trainer.finished and not due:
            _note(watch, written)
        yield


def _note(watch: Watch, written: Callable[[dict[str, Any]], object]) -> None:
    if watch.run.trainer.measured:  # else the next record counts the steps that were left out
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
        watch: the followers of a training that is new, or as :func:`si_core.runs.restoring.restore` left it.
        console: where to speak.
        signals: asks to stop.
        saved: told of the steps done after each checkpoint.
        renew: whether to write the checkpoint of the present step first, as ``restore`` says.

    Raises:
        Interrupted: a signal came; the state is saved.
        NumericsError: a loss, a gradient or a weight is not finite; the last checkpoint is untouched.
        StorageError: a file can't be written.
    """
    trainer = watch.run.trainer
    data = fingerprints(data_parts(trainer.assembly.process))
    shown = ShownTraining(trainer, console)
    with MetricsWriter(directory.metrics) as metrics, MetricsWriter(directory.throughput) as throughput:
        metrics.truncate_to(trainer.step)
        throughput.truncate_to(trainer.step)
        if saving_first(trainer, renew):
            # From here on what these weights came from, a run or the word of who forced it, is not needed.
            save_state(directory, watch, data, console)

        def written(record: dict[str, Any]) -> None:
            metrics.write(record)
            pace = trainer.throughput.record(trainer.step)
            if pace is not None:
                throughput.write(pace)
            shown.record(record, pace)

        with _explained(directory, console):
            for _ in steps(watch, written):
                shown.progress()
                save_averages(directory, trainer)
                # Read once a step: whoever is told of a stop must have saved at this very step.
                stop = trainer.asked_to_stop(signals.stop_requested)
                if saving_due(trainer, stop):
                    watch.put_back()
                    metrics.sync()
                    save_state(directory, watch, data, console)
                    saved(trainer.step)
                if stop:
                    trainer.runtime.meet()  # who ends first ends the others, and this was to be saved
                    # Of several processes another one may have been asked, by the system and not by Ctrl-C.
                    code = signals.exit_code or 143
                    raise Interrupted(code, f"stopped by a signal after step {trainer.step}; saved")
    if trainer.stopped is not None:
        console.line(f"training ended early, after step {trainer.step}/{trainer.train.steps}: {trainer.stopped}")
    if trainer.step == 0:
        # Nothing was trained; what stands on a checkpoint finds one.
        save_state(directory, watch, data, console)
    watch.at("after_training")
    model = finished(trainer)
    save_model(directory, model, trainer.step)
    return model


@contextmanager
def _explained(directory: RunDirectory, console: Console) -> Iterator[None]:
    """``nonfinite.json`` of a step that ends training."""
    try:
        yield
    except NonFiniteStep as error:
        try:
            write_atomic(directory.nonfinite, format_json(error.record, str(directory.nonfinite), indent=2))
            error.add_note(f"what is known of the step is in {directory.nonfinite}")
        except StorageError as problem:
            console.warn(f"what is known of the step can't be written: {problem}")
        raise


def finished(trainer: Trainer, module: nn.Module | None = None) -> Model:
    """The model of the weights to sample from, or of a copy of them."""
    learned = trainer.assembly.fields
    if module is None:
        module = trainer.gathered()
        if module is trainer.predictor and trainer.assembly.recipe.network.in_memory:
            module = copy.deepcopy(module)  # the user's own stays as training leaves it
    predictor = module.eval().requires_grad_(False)
    if not isinstance(predictor, Predictor):
        raise TypeError("the trainer's module is no predictor")
    return trainer.assembly.model(learned.of(predictor)).on(trainer.runtime)
