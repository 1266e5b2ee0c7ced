"""A run from its start to its end, however it ends: train, sample, estimate, report, all into one folder.

The recipe is built before the folder is made. From then on ``STATUS.json`` says how the run stands, ``log.txt`` what
happened, and a signal ends it cleanly: during training after a checkpoint, else at once, as there is nothing to save.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

from si_core.contract.event import Event
from si_core.contract.runtime import Runtime
from si_core.contract.together import alone, signals_explained
from si_core.errors import UsageError
from si_core.models.assembly import Assembly
from si_core.recipes.paths import path_texts, shown_path
from si_core.recipes.recipe import Recipe
from si_core.recipes.selection import Selection
from si_core.runs.agreement import agree, share_state
from si_core.runs.attribution import attributed
from si_core.runs.averages import average_of_leader, with_average
from si_core.runs.bookkeeping import logged, status_written
from si_core.runs.digests import damaged_files, write_digests
from si_core.runs.directory import ExportedModel, RunDirectory
from si_core.runs.follow import call
from si_core.runs.initial import describe, recorded_start
from si_core.runs.log import Console, RunLog
from si_core.runs.memory import memory_explained
from si_core.runs.needs import refuse_impossible
from si_core.runs.noise_level import fit_noise_level
from si_core.runs.plan import Plan, prepare
from si_core.runs.records import LogRecords
from si_core.runs.report_stage import write_report
from si_core.runs.restoring import restore
from si_core.runs.resume import check_environment, check_recipe, previous_status
from si_core.runs.sampling_clock import fit_clock
from si_core.runs.signals import StopSignals
from si_core.runs.stages import measure_into, sample_into
from si_core.runs.training import train_into, watched
from si_core.runs.watching import Watch
from si_core.storage.atomic import remove_temporaries, write_atomic
from si_core.storage.lock import RunLock
from si_core.storage.own_files import read_own
from si_core.storage.strict_json import format_json
from si_core.training.trainer import Trainer

__all__ = ["Timed", "resume_run", "start_run"]

Timed = Callable[[str, float], object]
"""Who is told of a stage (training, sampling or estimation) and of the seconds it took."""

_TIMED = ("training", "sampling", "estimation")


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
            with status_written(directory, log) as saved, signals_explained(runtime.processes):
                _stages(plan, watched(trainer, plan.parts, directory), directory, log, signals, saved, timed)
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
            status_written(directory, log, started, trainer.step) as saved,
            signals_explained(runtime.processes),
        ):
            _stages(plan, watch, directory, log, signals, saved, timed, restored.renew)


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


def _stages(
    plan: Plan,
    watch: Watch,
    directory: RunDirectory,
    log: RunLog,
    signals: StopSignals,
    saved: Callable[[int], None],
    timed: Timed | None,
    renew: bool = False,
) -> None:
    recipe, assembly, device = plan.recipe, plan.assembly, plan.runtime.device
    trainer = watch.run.trainer
    first, times = trainer.step, [time.monotonic()]
    watch.event(Event("started", directory.path, first, {"recipe": recipe.resolved(), "environment": plan.environment}))
    write_atomic(directory.environment, format_json(plan.environment, str(directory.environment), indent=2))
    log.line(f"run: {directory.path}")
    for selection in recipe.selections():
        for name, text in path_texts(selection):
            log.line(f"{selection.name} reads {name} {shown_path(text, selection.base)}")
    if plan.start is not None:
        log.line(describe(recipe, plan.start))
    log.line(_description(assembly))
    with attributed():
        with memory_explained("training", assembly, device):
            model = train_into(directory, watch, log, signals, saved, renew)
        times.append(time.monotonic())
        with signals.at_once():
            with memory_explained("sampling", assembly, device):
                if recipe.sample.ema is not None:
                    model = with_average(directory, model, recipe.sample.ema, trainer.step)
                    model = average_of_leader(model, plan.runtime.processes)
                model = fit_noise_level(directory, model, recipe.sample.epsilon, recipe.seed)
                if isinstance(recipe.sample.clock, Selection) and not recipe.sample.clock.in_memory:
                    model = fit_clock(directory, model, recipe.sample.clock.qualified, recipe.seed)
                drawn = sample_into(directory, recipe, model, log)
                watch.at("after_sampling")
            times.append(time.monotonic())
            with memory_explained("estimation", assembly, device):
                estimates = measure_into(directory, recipe, model, plan.estimators, log)
                watch.at("before_report")
            times.append(time.monotonic())
            seconds = dict(zip(_TIMED, (end - begin for begin, end in itertools.pairwise(times)), strict=True))
            if timed is not None:
                for stage in _TIMED:
                    timed(stage, seconds[stage])
            if recipe.report:
                with memory_explained("report", assembly, device), alone():
                    write_report(
                        directory,
                        recipe,
                        model,
                        drawn,
                        estimates=estimates,
                        environment=plan.environment,
                        facts=_facts(times, trainer.step - first, len(drawn.x)),
                        console=log,
                    )
        write_digests(directory)
        if plan.runtime.processes is not None:
            plan.runtime.processes.meet()
        log.line(f"done in {time.monotonic() - times[0]:.1f} s: {directory.path}")
        watch.event(Event("finished", directory.path, trainer.step, {"estimates": estimates, "seconds": seconds}))


def _description(assembly: Assembly) -> str:
    count = sum(p.numel() for p in assembly.fields.predictor.parameters())
    how = "antithetic pairs in t" if assembly.antithetic else f"clock {assembly.fields.parametrisation.clock!r}"
    return f"learning {', '.join(assembly.fields.names)} with {count:,} parameters ({how})"


def _facts(times: list[float], steps: int, samples: int) -> dict[str, str]:
    """How long each stage took, for the report; steps before a resumption are not of this process."""
    trained, sampled, measured = (end - begin for begin, end in itertools.pairwise(times))
    return {
        "training": f"{trained:.1f} s for {steps} steps" if steps else "none in this process",
        "sampling": f"{sampled:.1f} s for {samples} samples",
        "estimation": f"{measured:.1f} s",
    }
