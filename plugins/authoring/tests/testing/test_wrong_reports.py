"""Reports with one mistake each, rejected by the check meant for it and in words that name it."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Any

import pytest
import torch

import si_core as si
from si_authoring.testing import check_component


class PlainText(si.Report):
    """A page of text, ``report.txt``, with the mean of the samples."""

    def write(self, view: si.RunView) -> list[Path]:
        return [self.store(view.directory / "report.txt", "\n".join(self.lines(view)))]

    def lines(self, view: si.RunView) -> list[str]:
        return [view.title, *view.facts.values(), str(view.samples.mean(0)), *map(str, view.estimates)]

    def store(self, path: Path, text: str) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path


class TextOfSweeps(PlainText):
    def write_sweep(self, view: si.SweepView) -> list[Path]:
        return [self.store(view.directory / "sweep.txt", f"{view.title}: {len(view.records)} points")]


class WritesBesideTheFolder(PlainText):
    def write(self, view):
        self.store(view.directory.parent / "all.txt", view.title)
        return super().write(view)


class WritesIntoTheCurrentFolder(PlainText):
    def write(self, view):
        self.store(Path("report.txt"), view.title)
        return super().write(view)


class ReturnsAFileElsewhere(PlainText):
    def write(self, view):
        with tempfile.NamedTemporaryFile(suffix=".txt") as file:
            return [*super().write(view), Path(file.name)]


class ReturnsNoFile(PlainText):
    def write(self, view):
        return [*super().write(view), view.directory / "plots" / "samples.png"]


class ReturnsTheFolder(PlainText):
    def write(self, view):
        super().write(view)
        return [view.directory]


class ReturnsText(PlainText):
    def write(self, view):
        return [str(path) for path in super().write(view)]


class ReturnsNothing(PlainText):
    def write(self, view):
        super().write(view)


class ReturnsAnEmptyList(PlainText):
    def write(self, view):
        super().write(view)
        return []


class ReturnsAPathTwice(PlainText):
    def write(self, view):
        return super().write(view) * 2


class ClearsTheFolder(PlainText):
    def write(self, view):
        for path in (view.directory / "plots").glob("*"):
            path.unlink()
        return super().write(view)


class OverwritesTheRecipe(PlainText):
    def write(self, view):
        self.store(view.directory / "recipe.yaml", str(view.recipe))
        return super().write(view)


class NeedsATrajectory(PlainText):
    def lines(self, view):
        return [str(len(view.trajectory.t))]


class NeedsMetrics(PlainText):
    def lines(self, view):
        return [str(view.metrics[-1]["loss"])]


class NeedsADensity(PlainText):
    def lines(self, view):
        return [str(view.log_density(view.samples))] if view.trajectory is not None else []


class TakesValuesForLabels(PlainText):
    def lines(self, view):
        if view.condition is None:
            return []
        return [str(view.samples[told == 0].mean(0)) for told in view.condition.values()]


class CentresTheSamples(PlainText):
    def lines(self, view):
        view.samples.sub_(view.samples.mean(0))
        return [str(view.samples.std(0))]


class SortsTheEstimates(PlainText):
    def lines(self, view):
        view.estimates.sort(key=lambda record: record["value"], reverse=True)
        return [str(record) for record in view.estimates]


class MarksTheRecordsOfASweep(TextOfSweeps):
    def write_sweep(self, view):
        view.records[0]["shown"] = True
        return super().write_sweep(view)


class RefusesASecondTime(PlainText):
    def store(self, path, text):
        with path.open("x") as file:
            file.write(text)
        return path


class CountsItsReports(PlainText):
    def write(self, view):
        count = len(list(view.directory.glob("report*")))
        return [self.store(view.directory / f"report-{count}.txt", view.title)]


class SweepWithoutAFile(PlainText):
    def write_sweep(self, view):
        return [view.directory / "sweep.txt"]


class SweepNeedsEstimates(PlainText):
    def write_sweep(self, view):
        lines = [str(record["estimates"][0]["value"]) for record in view.records]
        return [self.store(view.directory / "sweep.txt", "\n".join(lines))]


class ThinsByTheGlobalGenerator(PlainText):
    def lines(self, view):
        return [str(view.samples[torch.randperm(len(view.samples))[:5]])]


class LeavesForTheFolder(PlainText):
    def write(self, view):
        os.chdir(view.directory)
        return super().write(view)


class ForVectorsOnly(PlainText):
    def lines(self, view):
        return [str(view.samples @ torch.ones(2, 1, dtype=view.samples.dtype))]


@pytest.mark.parametrize(
    ("component", "check", "words"),
    [
        (WritesBesideTheFolder(), "files", "writes outside of the run's folder: runs/all.txt"),
        (WritesIntoTheCurrentFolder(), "files", "writes outside of the run's folder: elsewhere/report.txt"),
        (ReturnsAFileElsewhere(), "files", "returns a path outside of the run's folder"),
        (ReturnsNoFile(), "files", "returns a path that is no file: samples.png"),
        (ReturnsTheFolder(), "files", "returns a path that is no file: run"),
        (ReturnsText(), "files", "instead of a list of paths"),
        (ReturnsNothing(), "files", "returns None instead of a list of paths"),
        (ReturnsAnEmptyList(), "files", "returns no files"),
        (ReturnsAPathTwice(), "files", "returns a path twice"),
        (ClearsTheFolder(), "files", "changes or removes files of the run that are not its own: plots/note.txt"),
        (OverwritesTheRecipe(), "files", "not its own: recipe.yaml"),
        (NeedsATrajectory(), "optional-parts", "fails for a run without a trajectory"),
        (NeedsADensity(), "optional-parts", "fails for a run without the model's log-density"),
        (NeedsMetrics(), "optional-parts", "fails for a run without metrics, which a run need not have: IndexError"),
        (TakesValuesForLabels(), "conditions", "raised IndexError"),
        (CentresTheSamples(), "view-unchanged", "changes what it is shown: samples"),
        (CentresTheSamples(), "inputs-unchanged", "changes its inputs in place: samples"),
        (SortsTheEstimates(), "view-unchanged", "changes what it is shown: estimates"),
        (MarksTheRecordsOfASweep(), "view-unchanged", "changes what it is shown: the view of a sweep"),
        (RefusesASecondTime(), "again", "fails where there is a report already"),
        (CountsItsReports(), "again", "a second report of the same run has other files: report-0.txt, report-1.txt"),
        (SweepWithoutAFile(), "sweep", "returns a path that is no file: sweep.txt"),
        (SweepNeedsEstimates(), "sweep", "IndexError"),
        (ThinsByTheGlobalGenerator(), "own-randomness", "global generator of torch"),
        (LeavesForTheFolder(), "files", "changes the current directory"),
        (ForVectorsOnly(), "files", "raised RuntimeError"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, si.Report) else "",
)
def test_a_wrong_report(rejected, component: si.Report, check: str, words: str) -> None:
    rejected("report", component, check, words)


@pytest.mark.parametrize("component", [PlainText(), TextOfSweeps()], ids=lambda value: type(value).__name__)
def test_a_right_one_is_accepted(accepted, component: si.Report) -> None:
    accepted("report", component)


def test_no_report_of_sweeps_is_not_applicable() -> None:
    found: dict[str, Any] = {result.check: result.state for result in check_component("report", PlainText())}
    assert found["sweep"] == "not applicable"
    assert {result.check: result.state for result in check_component("report", TextOfSweeps())}["sweep"] == "holds"
