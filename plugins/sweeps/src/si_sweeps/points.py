"""The points of a sweep, each an ordinary run; one that fails is recorded with its error, and the others go on."""

from __future__ import annotations

from dataclasses import dataclass, field

from si_core import NumericsError, Runtime, SIError
from si_core.public.runs import Console, MemberConsole, RunDirectory, StopSignals, resume_run, start_run
from si_core.public.storage import storage_error
from si_sweeps.folder import SweepDirectory
from si_sweeps.plan import Point, SweepPlan
from si_sweeps.shared_training import adopt
from si_sweeps.table import Record, failed, finished

__all__ = ["PointRunner"]


@dataclass
class PointRunner:
    """Carries out points, or goes on with them.

    Args:
        plan: the sweep.
        directory: its folder.
        console: the sweep's.
        runtime: where and how to train and sample.
        signals: the sweep's.
        take_over: take the lock of a point whose owner is on another machine.
    """

    plan: SweepPlan
    directory: SweepDirectory
    console: Console
    runtime: Runtime
    signals: StopSignals
    take_over: bool = False
    _failures: dict[str, NumericsError] = field(default_factory=dict, init=False)

    def run(self, point: Point, before: Record) -> Record:
        """The record of a point once it has ended, from the one before.

        Raises:
            Interrupted: a signal came; the state is saved.
        """
        name = f"point {point.index + 1}/{len(self.plan.points)}"
        again = " (finished before)" if before["state"] == "finished" else ""
        with self.signals.at_once():
            self.console.line(f"{name}: {point.label}{again}")
        directory = self._folder(point)
        try:
            if point.training in self._failures:
                raise self._failures[point.training]
            seconds = self._carry_out(point, directory, MemberConsole(self.console, name))
        except SIError as error:
            self._remember(point, directory, error)
            self.console.warn(f"{name} failed: {error}")
            return failed(before, error, self.directory.path)
        return finished(before, directory, seconds)

    def _carry_out(self, point: Point, directory: RunDirectory, console: Console) -> dict[str, float]:
        """The seconds of each stage; none where the point was finished before."""
        seconds: dict[str, float] = {}
        try:
            directory.path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise storage_error(directory.path, error) from error
        recipe, runtime, signals = point.recipe, self.runtime, self.signals

        def timed(stage: str, took: float) -> None:
            seconds[stage] = round(took, 3)

        if directory.resolved.is_file() or self._trained_elsewhere(point, directory, console):
            resume_run(recipe, directory, console=console, runtime=runtime, take_over=self.take_over, signals=signals,
                       timed=timed)  # fmt: skip
        else:
            start_run(recipe, console=console, runtime=runtime, directory=directory, signals=signals, timed=timed)
        return seconds

    def _trained_elsewhere(self, point: Point, directory: RunDirectory, console: Console) -> bool:
        twins = (twin for twin in self.plan.points if twin.training == point.training and twin is not point)
        with self.signals.at_once():
            return any(adopt(self._folder(twin), directory, point.recipe, console) for twin in twins)

    def _remember(self, point: Point, directory: RunDirectory, error: SIError) -> None:
        """A training that broke down does so at every point that shares it: once is enough."""
        if isinstance(error, NumericsError) and directory.resolved.is_file() and not directory.model.is_file():
            shared = f"the training, which is that of {directory.path}, failed: {error.problem}"
            self._failures.setdefault(
                point.training,
                NumericsError(shared, where=error.where, got=error.got, allowed=error.allowed, fix=error.fix),
            )

    def _folder(self, point: Point) -> RunDirectory:
        return self.directory.point(point.index, len(self.plan.points))
