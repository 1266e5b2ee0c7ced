"""The stages of a run, one after the other: train, sample, estimate, report, and how long each takes."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable

from si_core.contract.event import Event
from si_core.contract.together import alone
from si_core.models.assembly import Assembly
from si_core.recipes.paths import path_texts, shown_path
from si_core.runs.attribution import attributed
from si_core.runs.averages import average_of_leader, with_average
from si_core.runs.digests import write_digests
from si_core.runs.directory import RunDirectory
from si_core.runs.fitted_sampler import fitted_sampler
from si_core.runs.initial import describe
from si_core.runs.log import RunLog
from si_core.runs.memory import memory_explained
from si_core.runs.plan import Plan
from si_core.runs.report_stage import write_report
from si_core.runs.signals import StopSignals
from si_core.runs.stages import measure_into, sample_into
from si_core.runs.training import train_into
from si_core.runs.watching import Watch
from si_core.storage.atomic import write_atomic
from si_core.storage.strict_json import format_json

__all__ = ["Timed", "carry_out"]

Timed = Callable[[str, float], object]
"""Who is told of a stage (training, sampling or estimation) and of the seconds it took."""

_TIMED = ("training", "sampling", "estimation")


def carry_out(
    plan: Plan,
    watch: Watch,
    directory: RunDirectory,
    log: RunLog,
    signals: StopSignals,
    saved: Callable[[int], None],
    timed: Timed | None,
    renew: bool = False,
) -> None:
    """Take the stages of a run in turn; process 0 does, where several share it.

    Args:
        plan: the run, whose parts were built.
        watch: its training, new or as a checkpoint left it, with those who follow it.
        directory: its folder.
        log: where to speak.
        signals: ask to stop.
        saved: told of the steps done after each checkpoint.
        timed: told of each stage and of the seconds it took.
        renew: whether a checkpoint is to be written before the first step.

    Raises:
        Interrupted: a signal came; the state is saved.
        SIError: as for :func:`si_core.runs.pipeline.start_run`.
    """
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
                model = fitted_sampler(directory, recipe, model)
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
        plan.runtime.meet()
        log.line(f"done in {time.monotonic() - times[0]:.1f} s: {directory.path}")
        watch.event(Event("finished", directory.path, trainer.step, {"estimates": estimates, "seconds": seconds}))


def _description(assembly: Assembly) -> str:
    count = sum(p.numel() for p in assembly.fields.predictor.parameters())
    how = "antithetic pairs in t" if assembly.antithetic else str(assembly.fields.parametrisation.clock)
    return f"learning {', '.join(assembly.fields.names)} with {count:,} parameters ({how})"


def _facts(times: list[float], steps: int, samples: int) -> dict[str, str]:
    """How long each stage took, for the report; steps before a resumption are not of this process."""
    trained, sampled, measured = (end - begin for begin, end in itertools.pairwise(times))
    return {
        "training": f"{trained:.1f} s for {steps} steps" if steps else "none in this process",
        "sampling": f"{sampled:.1f} s for {samples} samples",
        "estimation": f"{measured:.1f} s",
    }
