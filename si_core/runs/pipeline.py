"""A whole run: train, sample, estimate, report, each stage into the run's folder."""

from __future__ import annotations

import io
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from si_core.contract.data import Estimate
from si_core.contract.estimator import Estimator
from si_core.discovery.available import available
from si_core.discovery.build import build
from si_core.discovery.events import emit
from si_core.discovery.lookup import find
from si_core.errors import NumericsError
from si_core.recipes.recipe import Recipe
from si_core.runs.assembly import Assembly, assemble, build_selection
from si_core.runs.atomic import write_atomic
from si_core.runs.directory import RunDirectory
from si_core.runs.environment import environment
from si_core.runs.estimation import estimate
from si_core.runs.event import Event
from si_core.runs.lock import RunLock
from si_core.runs.log import Console, RunLog
from si_core.runs.metrics import read_metrics
from si_core.runs.model import Model
from si_core.runs.resume import check_resume
from si_core.runs.sampling import draw_samples
from si_core.runs.signals import StopSignals
from si_core.runs.status import Status, read_status, write_status
from si_core.runs.strict_json import format_json
from si_core.runs.training import Interrupted, train_into
from si_core.runs.view import run_view

__all__ = ["estimate_record", "run_recipe", "write_array", "write_report"]


def run_recipe(
    recipe: Recipe,
    directory: RunDirectory,
    *,
    console: Console,
    device: str = "cpu",
    resume: bool = False,
    force: bool = False,
    take_over: bool = False,
) -> None:
    """Carry a recipe out in the folder of a run.

    Args:
        recipe: the recipe.
        directory: the run's folder: new, or with ``resume`` an earlier run's.
        console: where to speak.
        device: where to train and sample.
        resume: go on from the newest good checkpoint.
        force: resume also with a recipe changed in more than harmless keys.
        take_over: take the lock of a run whose owner is on another machine.

    Raises:
        Interrupted: a signal came; the state is saved.
        SIError: as documented for each stage; ``STATUS.json`` then says failed, ``log.txt`` has the traceback.
    """
    with RunLock(directory.lock, take_over=take_over, report=console.warn):
        log = RunLog(directory.log, console)
        status = Status("running")
        try:
            if resume:
                previous = read_status(directory.status) if directory.status.exists() else None
                changed = check_resume(recipe, directory, log, force)
                if previous is not None and previous.state == "finished" and not changed and directory.model.exists():
                    log.line(f"{directory.path}: this run is finished; nothing to resume")
                    return
                status = Status("running", started=previous.started if previous else "")
            status = write_status(directory.status, status)
            step = _stages(recipe, directory, log, torch.device(device), resume)
            write_status(directory.status, Status("finished", step, status.started, exit_code=0))
        except Interrupted as stop:
            log.warn(f"{stop}; go on with --resume --out {directory.path}")
            write_status(
                directory.status, Status("interrupted", stop.step, status.started, "", stop.exit_code, str(stop))
            )
            raise
        except BaseException as error:
            log.error(error)
            code = getattr(error, "code", 130 if isinstance(error, KeyboardInterrupt) else 1)
            write_status(directory.status, Status("failed", 0, status.started, "", code, str(error)))
            raise
        finally:
            log.close()


def _stages(recipe: Recipe, directory: RunDirectory, log: RunLog, device: torch.device, resume: bool) -> int:
    began = time.monotonic()
    # Everything a recipe asks for is built before the first step, so that a mistake in its last line costs nothing.
    assembly = assemble(recipe)
    estimators = _estimators(recipe)
    versions = environment(sorted({find(s.kind, s.name).plugin.distribution for s in recipe.selections()}))
    write_atomic(directory.recipe, recipe.text.encode())
    write_atomic(directory.resolved, recipe.dump().encode())
    write_atomic(directory.environment, format_json(versions, str(directory.environment), indent=2))
    log.line(f"run: {directory.path}")
    emit(Event("started", directory.path, 0, {"recipe": recipe.resolved()}))
    log.line(_description(assembly))
    with StopSignals() as signals:
        model = train_into(directory, assembly, device, log, signals, resume)
    trained = time.monotonic()
    samples, conditions = _sample(recipe, directory, model, log)
    sampled = time.monotonic()
    records = _estimate(recipe, estimators, model, directory, log)
    measured = time.monotonic()
    facts = {
        "training": f"{trained - began:.1f} s for {recipe.train.steps} steps",
        "sampling": f"{sampled - trained:.1f} s for {len(samples)} samples",
        "estimation": f"{measured - sampled:.1f} s",
    }
    if recipe.report:
        write_report(recipe, directory, model, samples, conditions, records, versions, facts, log)
    log.line(f"done in {time.monotonic() - began:.1f} s: {directory.path}")
    emit(Event("finished", directory.path, recipe.train.steps, {"estimates": records}))
    return recipe.train.steps


def _description(assembly: Assembly) -> str:
    count = sum(p.numel() for p in assembly.fields.predictor.parameters())
    how = "antithetic pairs in t" if assembly.antithetic else f"clock {assembly.fields.parametrisation.clock!r}"
    return f"learning {', '.join(assembly.fields.names)} with {count:,} parameters ({how})"


def _estimators(recipe: Recipe) -> list[Estimator]:
    return [
        build_selection(recipe, f"estimators.{i}", selection)  # type: ignore[misc]
        for i, selection in enumerate(recipe.estimators)
    ]


def write_array(path: Path, values: Tensor) -> None:
    """Write a tensor as ``.npy``, whole or not at all."""
    buffer = io.BytesIO()
    np.save(buffer, values.numpy(), allow_pickle=False)
    write_atomic(path, buffer.getvalue())


def _sample(recipe: Recipe, directory: RunDirectory, model: Model, log: RunLog) -> tuple[Tensor, Tensor | None]:
    log.line(f"sampling {recipe.sample.number}")
    samples, conditions = draw_samples(
        model,
        recipe.sample.number,
        recipe.seed,
        recipe.sample.condition,
        lambda done, of: log.progress(done, of, "samples"),
    )
    if not bool(torch.isfinite(samples).all()):
        raise NumericsError("samples that are not finite are not stored", where=str(directory.samples))
    write_array(directory.samples, samples)
    return samples, conditions


def estimate_record(result: Estimate) -> dict[str, Any]:
    """An estimate as plain values, without the value of each sample."""
    return {key: value for key, value in asdict(result).items() if key != "per_sample"}


def _estimate(
    recipe: Recipe, estimators: list[Estimator], model: Model, directory: RunDirectory, log: RunLog
) -> list[dict[str, Any]]:
    records = []
    for estimator in estimators:
        result = estimate(model, estimator, seed=recipe.seed)
        error = "" if result.standard_error is None else f" +- {result.standard_error:.2g}"
        log.line(f"{result.name}: {result.value:.5g}{error} {result.unit} ({result.bound})")
        records.append(estimate_record(result))
    write_atomic(directory.estimates, format_json(records, str(directory.estimates), indent=2))
    return records


def write_report(
    recipe: Recipe,
    directory: RunDirectory,
    model: Model,
    samples: Tensor,
    conditions: Tensor | None,
    records: list[dict[str, Any]],
    versions: dict[str, Any],
    facts: dict[str, str],
    log: Console,
) -> list[Path]:
    """Write every installed kind of report; returns the files, the one to open first at the head."""
    found = available("report")
    if not found:
        log.line("no report: install si-report for plots and report.html")
        return []
    view = run_view(
        directory,
        recipe,
        model,
        samples,
        conditions=conditions,
        metrics=read_metrics(directory.metrics),
        estimates=records,
        environment=versions,
        facts=facts,
    )
    files: list[Path] = []
    for item in found:
        files += build("report", f"{item.plugin.distribution}/{item.component.name}").write(view)
    if files:
        log.line(f"report: {files[0]}")
    return files
