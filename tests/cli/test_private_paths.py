"""Whose files they are is written nowhere in what a run leaves: not in one that went on, that failed, or in a sweep."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from .conftest import RECIPE, status

OWNER = "of-someone-private"
TARGET = "target: {use: array, path: data/mine.csv}\n"


@pytest.fixture
def project(si, tmp_path):
    """A project with its data below it, in a folder whose name says whose it is."""
    folder = tmp_path / OWNER / "project"
    (folder / "data").mkdir(parents=True)
    rows = np.random.default_rng(0).normal([1.7, 70_000.0], [0.1, 9_000.0], size=(200, 2))
    np.savetxt(folder / "data" / "mine.csv", rows, delimiter=",", header="height,weight", comments="")
    before, _, after = RECIPE.partition("target:")
    text = before + TARGET + after[after.index("interpolant") :]
    (folder / "mine.yaml").write_text(text, encoding="utf-8")
    return folder


def told(folder: Path) -> list[str]:
    """The files that tell the owner's name, in their bytes or names."""
    return [
        str(path.relative_to(folder))
        for path in sorted(folder.rglob("*"))
        if OWNER in str(path.relative_to(folder)) or (path.is_file() and OWNER.encode() in path.read_bytes())
    ]


def test_a_run_does_not_tell_whose_data_it_had(si, project):
    assert si("run", "mine.yaml", "report=true", "--out", "out/run", folder=project).code == 0
    run = project / "out" / "run"
    assert "array reads path data/mine.csv" in (run / "log.txt").read_text()
    assert "path: data/mine.csv" in (run / "resolved.yaml").read_text()
    assert 'base: "../.."\n' in (run / "resolved.yaml").read_text()
    assert (run / "report.html").is_file()
    assert told(run) == []


@pytest.mark.parametrize("out", ["run", "absolute"])
def test_nor_does_one_that_was_given_absolute_paths_of_the_project(si, project, tmp_path, out):
    folder = project / "run" if out == "absolute" else "run"
    assert si("run", project / "mine.yaml", "train.steps=2", "--out", folder, folder=project).code == 0
    assert told(project / "run") == []
    # What the user writes in a recipe stays as it is.
    given = (f"target.path={project / 'data/mine.csv'}", "train.steps=2")
    assert si("run", "mine.yaml", *given, "--out", "other", folder=project).code == 0
    assert told(project / "other") != []
    assert "base" not in (project / "other/resolved.yaml").read_text()


def test_nor_does_one_that_went_on_after_the_project_was_moved_as_a_whole(si, project, tmp_path):
    stop = ("signal_after_step", 8, "SIGTERM")
    assert si("run", "mine.yaml", "--out", "run", folder=project, moment=stop).code == 143
    assert si("run", "mine.yaml", "--out", "whole", folder=project).code == 0
    moved = tmp_path / f"moved-{OWNER}"
    shutil.move(project, moved)
    done = si("run", "run/resolved.yaml", "--resume", "--out", "run", folder=moved)
    assert done.code == 0
    assert status(moved / "run")["state"] == "finished"
    for name in ("samples.npy", "model.safetensors"):
        assert (moved / "run" / name).read_bytes() == (moved / "whole" / name).read_bytes()
    assert si("run", "mine.yaml", "--resume", "--out", "run", folder=moved).code == 0
    assert told(moved / "run") == told(moved / "whole") == []


def test_a_run_that_moved_alone_is_told_where_its_data_are_when_it_goes_on(si, project):
    stop = ("signal_after_step", 8, "SIGTERM")
    assert si("run", "mine.yaml", "--out", "run", folder=project, moment=stop).code == 143
    (project / "deep" / "er").mkdir(parents=True)
    shutil.move(project / "run", project / "deep" / "er" / "run")
    assert si("run", "mine.yaml", "--resume", "--out", "deep/er/run", folder=project).code == 0
    assert 'base: "../../.."\n' in (project / "deep/er/run/resolved.yaml").read_text()
    assert told(project / "deep") == []


def test_nor_does_one_that_failed(si, project):
    stop = ("signal_after_step", 8, "SIGTERM")
    assert si("run", "mine.yaml", "--out", "run", folder=project, moment=stop).code == 143
    (project / "data" / "mine.csv").rename(project / "data" / "yours.csv")
    done = si("run", "mine.yaml", "--resume", "--out", "run", folder=project)
    assert done.code == 3
    assert "mine.csv" in done.err
    assert "error: Traceback" in (project / "run/log.txt").read_text()
    assert told(project / "run") == []
    (project / "data" / "yours.csv").rename(project / "data" / "mine.csv")
    wrong = ("train.optimizer.lr=1e30", "train.clip=null")
    assert si("run", "mine.yaml", *wrong, "--out", project / "bad", folder=project).code == 3
    assert status(project / "bad")["state"] == "failed"
    assert told(project / "bad") == []


def test_nor_does_a_sweep(si, project):
    axes = ("train.steps=4", "train.optimizer.lr=1e-3,1e30")
    done = si("sweep", "mine.yaml", *axes, "report=true", "train.clip=null", "--out", project / "sweep", folder=project)
    assert done.code == 3, done.err
    assert {one["state"] for one in json.loads((project / "sweep/results.json").read_text())} == {"finished", "failed"}
    assert 'base: "../../.."\n' in (project / "sweep/points/000/resolved.yaml").read_text()
    assert told(project / "sweep") == []
    moved = project.parent / "elsewhere"
    shutil.move(project, moved)
    again = si("sweep", "sweep/sweep.yaml", "--resume", "--out", "sweep", folder=moved)
    assert again.code == 3
    assert again.err.count("finished before") + again.out.count("finished before") == 1
    assert told(moved / "sweep") == []
