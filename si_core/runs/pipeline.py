"""A run from its start to its end, however it ends: train, sample, estimate, report, all into one folder.

The recipe is built before the folder is made. From then on ``STATUS.json`` says how the run stands, ``log.txt`` what
happened, and a signal ends it cleanly: during training after a checkpoint, else at once, as there is nothing to save.
"""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

from si_core.contract.runtime import Runtime
from si_core.contract.together import signals_explained
from si_core.errors import UsageError
from si_core.recipes.recipe import Recipe
from si_core.runs.agreement import agree, share_state
from si_core.runs.attribution import attributed
from si_core.runs.bookkeeping import logged, status_written
from si_core.runs.carry_out import Timed, carry_out
from si_core.runs.digests import damaged_files
from si_core.runs.directory import ExportedModel, RunDirectory
from si_core.runs.follow import call
from si_core.runs.initial import recorded_start
from si_core.runs.log import Console
from si_core.runs.memory import memory_explained
from si_core.runs.needs import refuse_impossible
from si_core.runs.plan import Plan, prepare
from si_core.runs.records import LogRecords
from si_core.runs.restoring import restore
from si_core.runs.resume import check_environment, check_recipe, previous_status
from si_core.runs.signals import StopSignals
from si_core.runs.training import watched
from si_core.storage.atomic import remove_temporaries, write_atomic
from si_core.storage.lock import RunLock
from si_core.storage.own_files import read_own
from si_core.training.trainer import Trainer

__all__ = ["resume_run", "start_run"]


def start_run(
    recipe: Recipe,
    *,
    console: Console,
    runtime: Runtime | None = None,
    out: Path | str | None = None,
    directory: RunDirectory | None = None,
    signals: StopSignals | None = None,
    timed: Timed | None = None,
) -> RunDirectory:
    """Carry a recipe out in a folder of its own.

    Args:
        recipe: the recipe.
        console: where to speak.
        runtime: where and how to train and sample; None for this process on the CPU.
        out: exactly this folder, new or empty; None for ``runs/<recipe>/<time>-<id>``.
        directory: a folder that is this run's already.
        signals: those of a caller that runs more than this; None to listen to them here.
        timed: told of each stage and of the seconds it took.

    Returns:
        The folder.

    Raises:
        Interrupted: a signal came; the state is saved.
        SIError: before there is a folder, what can't work; afterwards ``STATUS.json`` says failed, and ``log.txt`` has
            the traceback.
    """
    runtime = _leading(runtime)
    with _listening(signals, runtime) as signals, LogRecords(console) as records:
        with signals.at_once():
            call(runtime, "start")
            plan = prepare(recipe, runtime)
            folder = Path(out or RunDirectory.folder_of(recipe.name)) if directory is None else directory.path
            refuse_impossible(plan, folder)
            trainer = _trainer(plan)
            directory = directory or RunDirectory.create(recipe.name, out=out)
        with RunLock(directory.lock, report=console.warn), logged(directory, console, records) as log:
            remove_temporaries(directory.path)
            # The first file is the one that makes a folder a run, so that a kill at any later moment can be resumed.
            write_atomic(directory.resolved, recipe.dump(directory.path).encode())
            write_atomic(directory.recipe, recipe.text.encode())
            watch = watched(trainer, plan.parts, directory)
            with status_written(directory, log, watch.event) as saved, signals_explained(runtime.processes):
                carry_out(plan, watch, directory, log, signals, saved, timed)
    return directory


def resume_run(
    recipe: Recipe,
    directory: RunDirectory,
    *,
    console: Console,
    runtime: Runtime | None = None,
    force: bool = False,
    take_over: bool = False,
    allow_data_change: bool = False,
    signals: StopSignals | None = None,
    timed: Timed | None = None,
) -> None:
    """Go on with a run from its newest good checkpoint, or with what comes after training.

    What a finished run has made is checked, and made again where it is damaged.

    Nothing in the folder but the log changes before every check is passed.

    Args:
        recipe: the recipe the run was started with, or one that differs in harmless keys.
        directory: the run's folder.
        console: where to speak.
        runtime: where and how to train and sample; None for this process on the CPU.
        force: resume also with a recipe changed in more than harmless keys.
        take_over: take the lock of a run whose owner is on another machine.
        allow_data_change: go on with other data than the run was started with.
        signals: as for :func:`start_run`.
        timed: as for :func:`start_run`; told nothing of a run that was finished.

    Raises:
        Interrupted: a signal came; the state is saved.
        RecipeError, DataError, StorageError: the recipe or the data changed, no checkpoint is good, or another process
            owns the run.
        UsageError: the folder of a model that was exported: it has no checkpoints.
        SIError: as for :func:`start_run`.
    """
    if isinstance(directory, ExportedModel):
        fix = f"train anew: si run {directory.resolved}"
        raise UsageError("an exported model has no run to go on with", where=str(directory.path), fix=fix)
    runtime = _leading(runtime)
    with (
        _listening(signals, runtime) as signals,
        LogRecords(console) as records,
        RunLock(directory.lock, take_over=take_over, report=console.warn),
        logged(directory, console, records) as log,
    ):
        with signals.at_once():
            log.line(f"resuming {directory.path}")
            previous = previous_status(directory, log)
            changes = check_recipe(recipe, directory, log, force)
            if previous is not None and previous.state == "finished" and not changes:
                damaged = damaged_files(directory)
                if not damaged:
                    log.line(f"{directory.path}: this run is finished; nothing to resume")
                    call(runtime, "nothing")
                    return
                for line in damaged:
                    log.warn(line)
                log.line("this run was finished; its model, samples, estimates and reports are made again")
            begun = any(directory.checkpoints.glob("*step-*"))
            call(runtime, "resume", begun)
            plan = prepare(recipe, runtime, begun)
            if begun:
                plan.environment.update(recorded_start(directory))
            check_environment(plan.environment, directory, log)
            refuse_impossible(plan, directory.path, begun)
            trainer = _trainer(plan)
            watch = watched(trainer, plan.parts, directory)
            restored = restore(directory, watch, log, allow_data_change, force)
            if runtime.processes is not None:
                share_state(restored, runtime.processes)
            remove_temporaries(directory.path)
        resolved = recipe.dump(directory.path).encode()
        # Where nothing else changed, the folder may have come to another place, and the way to the data with it.
        if read_own(directory.resolved) != resolved:
            write_atomic(directory.resolved, resolved)
        if changes or not directory.recipe.exists():
            write_atomic(directory.recipe, recipe.text.encode())
        started = previous.started if previous else ""
        with (
            status_written(directory, log, watch.event, started, trainer.step) as saved,
            signals_explained(runtime.processes),
        ):
            carry_out(plan, watch, directory, log, signals, saved, timed, restored.renew)


def _leading(runtime: Runtime | None) -> Runtime:
    runtime = runtime or Runtime.at()
    if not runtime.leads:
        raise UsageError(
            "process 0 leads a run",
            where=f"process {runtime.rank} of {runtime.world}",
            fix="follow_run(recipe, runtime) in the other processes",
        )
    return runtime


def _listening(signals: StopSignals | None, runtime: Runtime) -> AbstractContextManager[StopSignals]:
    return StopSignals(patient=runtime.world > 1) if signals is None else nullcontext(signals)


def _trainer(plan: Plan) -> Trainer:
    agree(plan.assembly, plan.runtime.processes)
    with attributed(), memory_explained("training", plan.assembly, plan.runtime.device):
        return Trainer(plan.assembly, plan.runtime)
