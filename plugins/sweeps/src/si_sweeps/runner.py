"""A sweep from its start to its end: a run for each point of a grid, a table of what they measured, and a page."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import torch

from si_core import RecipeError, Runtime, load_recipe
from si_core.public.discovery import available, find
from si_core.public.recipes import Recipe, differences, emit
from si_core.public.runs import (
    Console,
    Silence,
    StopSignals,
    check_environment,
    collection_status,
    environment,
    previous_status,
    written_log,
)
from si_core.public.storage import RunLock, format_json, write_atomic
from si_sweeps.folder import SweepDirectory
from si_sweeps.page import write_sweep_reports
from si_sweeps.plan import SweepPlan, plan_sweep
from si_sweeps.points import PointRunner
from si_sweeps.table import Record, read_records, rows, write_results

__all__ = ["run_sweep", "sweep"]

_SHOWN = 10


def sweep(
    recipe: Recipe | str | os.PathLike[str],
    axes: Iterable[str] | Mapping[str, Iterable[Any]] = (),
    *,
    out: Path | str | None = None,
    device: str | torch.device | Runtime = "cpu",
    resume: bool = False,
) -> list[dict[str, Any]]:
    """Run a recipe once for each combination of values, as ``si sweep`` does.

    Args:
        recipe: from :func:`si_core.load_recipe`, or a file or the name of a built-in recipe.
        axes: values by dotted key, such as ``{"sample.epsilon": [0.0, 0.5]}``, or texts ``"sample.epsilon=0,0.5"``;
            they join those of the recipe's own ``sweep``.
        out: exactly this folder, new or empty; None for ``runs/<recipe>-sweep/<time>-<id>``.
        device: where to train and sample, ``auto`` for a CUDA device where there is one; or a runtime.
        resume: go on with the sweep in ``out``, or with the newest one of the recipe.

    Returns:
        A row for each point, as in ``results.csv``: the values of the axes, each estimate with its standard error, the
        seconds of training, sampling and estimation, the state (finished or failed) with its message, and the folder.

    Raises:
        RecipeError: an axis or a point that is wrong, before the first run starts.
        UsageError: no axis, no such recipe or device, or a process that is one of several.
        StorageError: a folder or a file that can't be used.
    """
    runtime = Runtime.at(device)
    loaded = recipe if isinstance(recipe, Recipe) else load_recipe(recipe)
    plan = plan_sweep(loaded, axes)
    directory = SweepDirectory.at(loaded.name, out, resume)
    return rows(run_sweep(plan, directory, console=Silence(), runtime=runtime))


def run_sweep(
    plan: SweepPlan,
    directory: SweepDirectory,
    *,
    console: Console,
    runtime: Runtime | None = None,
    take_over: bool = False,
) -> list[Record]:
    """Carry out a sweep, or go on with one: points that are finished stay as they are, all others are run.

    A point that fails is recorded with its error, and the others go on.

    Args:
        plan: the sweep.
        directory: its folder.
        console: where to speak.
        runtime: where and how to train and sample; None for this process on the CPU.
        take_over: take the lock of a sweep whose owner is on another machine.

    Returns:
        The records of all points; see :mod:`si_sweeps.table`.

    Raises:
        Interrupted: a signal came; what was reached is saved.
        RecipeError: the folder holds another sweep.
        StorageError: another process has the sweep, or a file can't be written.
    """
    runtime = runtime or Runtime.at()
    with (
        StopSignals() as signals,
        RunLock(directory.folder.lock, take_over=take_over, report=console.warn),
        written_log(directory.folder.log, console) as log,
    ):
        with signals.at_once():
            previous = previous_status(directory.folder, log)
            used = _environment(plan, runtime)
            if directory.recipe.exists():
                _check_same(plan, directory)
                check_environment(used, directory.folder, log)
            # The file that makes a folder a sweep comes first, so that a kill at any later moment can be resumed.
            write_atomic(directory.recipe, plan.dump(directory.path).encode())
            write_atomic(directory.folder.environment, format_json(used, str(directory.folder.environment), indent=2))
            records = read_records(directory, plan, log)
            write_results(directory, records)
        runner = PointRunner(plan, directory, log, runtime, signals, take_over)
        started = previous.started if previous else ""
        with collection_status(directory, log, started, len(plan.points), "points") as status:
            log.line(f"sweep: {directory.path}")
            for point in plan.points:
                records[point.index] = runner.run(point, records[point.index])
                write_results(directory, records)
                status.ended(point.index + 1)
            with signals.at_once():
                if plan.recipe.report:
                    write_sweep_reports(directory, plan, records, used, log)
            failures = sum(record["state"] == "failed" for record in records)
            log.line(f"{len(records) - failures} of {len(records)} points finished: {directory.csv}")
            status.finished(failures)
    return records


def _environment(plan: SweepPlan, runtime: Runtime) -> dict[str, Any]:
    """The versions of what the recipes name and of the reports; each point's folder has those of all it used."""
    chosen = {(each.kind, each.qualified) for point in plan.points for each in point.recipe.selections()}
    components = [find(kind, name) for kind, name in sorted(chosen)]
    reports = {item.plugin.distribution for item in available("report")}
    return environment(sorted(reports), components) | runtime.described()


def _check_same(plan: SweepPlan, directory: SweepDirectory) -> None:
    before, now = load_recipe(directory.recipe).resolved(), plan.resolved()
    if emit(before) == emit(now):
        return
    changes = [f"{key}: {old!r} -> {new!r}" for key, old, new in differences(before, now)] or ["the order of the axes"]
    rest = [f"and {len(changes) - _SHOWN} more"] if len(changes) > _SHOWN else []
    raise RecipeError(
        "\n    ".join(["the sweep in this folder is another one:", *changes[:_SHOWN], *rest]),
        where=str(directory.path),
        fix=f"go on with it by `si sweep {directory.recipe} --resume --out {directory.path}`, or start a new one",
    )
