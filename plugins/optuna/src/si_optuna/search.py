"""A search from its start to its end: a run for each trial, a table of what they gave, and the recipe of the best."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from typing import Any

from si_core import RecipeError, Runtime, SIError, load_recipe
from si_core.public.discovery import find
from si_core.public.recipes import Recipe, emit, inline
from si_core.public.runs import (
    Console,
    MemberConsole,
    RunDirectory,
    RunLog,
    StopSignals,
    collection_status,
    environment,
    previous_status,
    resume_run,
    start_run,
    without_private_paths,
    written_log,
)
from si_core.public.storage import RunLock, format_json, storage_error, write_atomic
from si_optuna.folder import SearchDirectory
from si_optuna.plan import SearchPlan
from si_optuna.study import Study, optuna_package

__all__ = ["Row", "run_search"]

Row = dict[str, Any]
"""A trial: ``trial``, the value of each key, that of the goal, ``state``, ``message``, ``folder``."""


def run_search(
    plan: SearchPlan, directory: SearchDirectory, *, console: Console, runtime: Runtime | None = None
) -> list[Row]:
    """Carry out a search, or go on with one: trials that have ended stay as they are.

    A trial that fails is recorded with its error, and the others go on.

    Args:
        plan: the search.
        directory: its folder.
        console: where to speak.
        runtime: where and how to train and sample; None for this process on the CPU.

    Returns:
        A row for each trial.

    Raises:
        Interrupted: a signal came; what was reached is saved.
        RecipeError: the folder holds another search.
        UsageError: optuna is not installed.
        StorageError: another process has the search, or a file can't be written.
    """
    optuna_package()
    runtime = runtime or Runtime.at()
    with (
        StopSignals() as signals,
        RunLock(directory.folder.lock, report=console.warn),
        written_log(directory.folder.log, console) as log,
    ):
        with signals.at_once():
            previous = previous_status(directory.folder, log)
            _check_same(plan, directory)
            # The file that makes a folder a search comes first, so that a kill at any later moment can be resumed.
            write_atomic(directory.recipe, plan.dump(directory.path).encode())
            used = environment(components=[find(each.kind, each.qualified) for each in _parts(plan.recipe)])
            told = format_json(used | runtime.described(), str(directory.folder.environment), indent=2)
            write_atomic(directory.folder.environment, told)
            study = Study(plan, directory)
        work = _Work(plan, directory, study, log, runtime, signals)
        started = previous.started if previous else ""
        with collection_status(directory, log, started, plan.trials, "trials") as status:
            log.line(f"search: {directory.path}")
            for trial in study.unfinished():
                work.go_on(trial)
            while len(study.trials()) < plan.trials:
                with signals.at_once():
                    status.ended(len(study.trials()))
                    number, values = study.begin()
                work.carry_out(number, values)
            rows = work.rows()
            status.ended(len(rows))
            best = study.best()
            if best is not None:
                log.line(
                    f"best: {directory.trial(best.number).path}, {plan.goal.name} {best.value:.6g}: {directory.best}"
                )
            status.finished()
    return rows


@dataclass
class _Work:
    """Carries out trials.

    Args:
        plan: the search.
        directory: its folder.
        study: its trials.
        console: its log.
        runtime: where and how to train and sample.
        signals: the search's.
    """

    plan: SearchPlan
    directory: SearchDirectory
    study: Study
    console: RunLog
    runtime: Runtime
    signals: StopSignals

    def go_on(self, trial: Any) -> None:
        """Go on with a trial whose process was stopped; one without values is given up."""
        values = self.study.values(trial)
        if values is None:
            self.study.fail(trial.number, "stopped before it began")
            return
        self.carry_out(trial.number, values)

    def carry_out(self, number: int, values: dict[str, Any]) -> None:
        """Run a trial, and tell the study what it gave."""
        name, run = f"trial {number + 1}/{self.plan.trials}", self.directory.trial(number)
        said = " ".join(f"{key}={inline(value)}" for key, value in values.items())
        with self.signals.at_once():
            self.console.line(f"{name}: {said}")
        try:
            self._run(self.plan.recipe_of(values), run, MemberConsole(self.console, name))
            value = self.plan.goal.value(run)
        except SIError as error:
            self.console.warn(f"{name} failed: {error}")
            self.study.fail(number, without_private_paths(str(error), self.directory.path))
        else:
            self.study.finish(number, value)
            self.console.line(f"{name}: {self.plan.goal.name} {value:.6g}")
        with self.signals.at_once():
            self._write()

    def _run(self, recipe: Recipe, run: RunDirectory, console: Console) -> None:
        try:
            run.path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise storage_error(run.path, error) from error
        if run.resolved.is_file():
            resume_run(recipe, run, console=console, runtime=self.runtime, signals=self.signals)
        else:
            start_run(recipe, console=console, runtime=self.runtime, directory=run, signals=self.signals)

    def rows(self) -> list[Row]:
        """A row for each trial."""
        keys, found = [one.key for one in self.plan.dimensions], []
        for trial in self.study.trials():
            values = self.study.values(trial) or {}
            state = {"COMPLETE": "finished", "FAIL": "failed"}.get(trial.state.name, "pending")
            folder = self.directory.trial(trial.number).path.relative_to(self.directory.path).as_posix()
            row = {"trial": trial.number, **{key: values.get(key) for key in keys}, self.plan.goal.name: trial.value}
            found.append(row | {"state": state, "message": self.study.message(trial), "folder": folder})
        return found

    def _write(self) -> None:
        """``results.csv`` and ``best.yaml``, each whole or not at all."""
        rows, text = self.rows(), io.StringIO(newline="")
        writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        for row in rows:
            writer.writerow({name: _cell(value) for name, value in row.items()})
        write_atomic(self.directory.csv, text.getvalue().encode())
        best = self.study.best()
        if best is not None:
            recipe = self.plan.recipe_of(self.study.values(best) or {})
            write_atomic(self.directory.best, recipe.dump(self.directory.path).encode())


def _cell(value: Any) -> str:
    if isinstance(value, str):
        return value
    return "" if value is None else inline(value)


def _parts(recipe: Recipe) -> list[Any]:
    return [each for each in recipe.selections() if not each.in_memory]


def _check_same(plan: SearchPlan, directory: SearchDirectory) -> None:
    """Refuse to go on with another search; more trials of the same one are welcome."""
    if not directory.recipe.exists():
        return
    before, now = load_recipe(directory.recipe).resolved(), plan.resolved()
    for each in (before, now):
        each["search"] = {
            name: value for name, value in each["search"].items() if name != "trials" and value is not None
        }
    if emit(before) != emit(now):
        fix = f"go on with it by `si search {directory.recipe} --resume --out {directory.path}`, or start a new one"
        raise RecipeError("the search in this folder is another one", where=str(directory.path), fix=fix)
