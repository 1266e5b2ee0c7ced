"""The folder of a run: what is in it, how it is named, and that it is enough to make the run again."""

from __future__ import annotations

import json
import re
import stat

import numpy as np
import pytest

import si_core as si_library

from .conftest import RECIPE, status

FILES = {
    ".lock",
    "SHA256SUMS",
    "STATUS.json",
    "checkpoints",
    "environment.json",
    "estimates.json",
    "frame.json",
    "log.txt",
    "metrics.jsonl",
    "model.safetensors",
    "recipe.yaml",
    "resolved.yaml",
    "samples.npy",
    "throughput.jsonl",
}
LOGGERS = {"tensorboard"}
"""What loggers add, where they are installed."""


def test_it_holds_what_was_asked_and_what_was_made(finished):
    assert {path.name for path in finished.iterdir()} - LOGGERS == FILES
    assert (finished / "recipe.yaml").read_text(encoding="utf-8") == RECIPE
    assert (finished / ".lock").read_bytes() == b""
    assert sorted(path.name for path in (finished / "checkpoints").iterdir()) == [
        "step-00000012",
        "step-00000018",
        "step-00000024",
    ]
    assert np.load(finished / "samples.npy").shape == (64, 2)
    records = [json.loads(line) for line in (finished / "metrics.jsonl").read_text().splitlines()]
    assert [record["step"] for record in records] == [4, 8, 12, 16, 20, 24]
    assert set(records[0]["losses"]) == {"velocity", "denoiser"}
    (estimate,) = json.loads((finished / "estimates.json").read_text())
    assert estimate["name"] == "energy-distance"
    assert estimate["standard_error"] > 0


def test_status_and_log_tell_that_it_ended_well(finished):
    found = status(finished)
    assert (found["state"], found["step"], found["exit_code"], found["message"]) == ("finished", 24, 0, "")
    lines = (finished / "log.txt").read_text().splitlines()
    assert all(re.match(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z ", line) for line in lines)
    assert "done in" in lines[-1]


def test_the_environment_names_the_distributions_that_took_part(finished):
    recorded = json.loads((finished / "environment.json").read_text())
    used = {"si-core", "si-distributions", "si-estimators", "si-integrators", "si-networks", "torch", "numpy"}
    assert used <= set(recorded["distributions"])
    assert not {"si-report", "matplotlib", "pytest"} & set(recorded["distributions"])
    assert recorded["device"] == "cpu"
    assert recorded["torch"]["threads"] == 1


def test_the_resolved_recipe_makes_the_same_run_from_anywhere(si, tmp_path, finished, results):
    elsewhere = tmp_path / "else where"
    elsewhere.mkdir()
    assert si("run", finished / "resolved.yaml", "--out", "again", folder=elsewhere).code == 0
    assert results(elsewhere / "again") == results(finished)
    assert (elsewhere / "again" / "resolved.yaml").read_bytes() == (finished / "resolved.yaml").read_bytes()


def test_overrides_are_in_the_resolved_recipe_and_not_in_the_given_one(si, tmp_path):
    assert si("run", "r.yaml", "train.steps=2", "--out", "run", "sample.number=5").code == 0
    assert (tmp_path / "run" / "recipe.yaml").read_text(encoding="utf-8") == RECIPE
    resolved = si_library.load_recipe(tmp_path / "run" / "resolved.yaml")
    assert (resolved.train.steps, resolved.sample.number) == (2, 5)


@pytest.mark.fault(53, 56, 61)
def test_by_default_it_has_the_name_of_the_recipe_and_the_time(si, tmp_path):
    (tmp_path / "Zwei Gauß.yaml").write_text(RECIPE, encoding="utf-8")
    children = [si.start("run", "Zwei Gauß.yaml", "train.steps=2") for _ in range(2)]
    assert [child.wait().code for child in children] == [0, 0]
    runs = sorted((tmp_path / "runs" / "Zwei Gauß").iterdir())
    assert len(runs) == 2
    assert all(re.fullmatch(r"\d{8}-\d{6}-[0-9a-f]{6}", run.name) for run in runs)
    assert {path.name for path in runs[1].iterdir()} - LOGGERS == FILES
    done = si("run", "Zwei Gauß.yaml", "train.steps=2", "--resume")
    assert f"runs/Zwei Gauß/{runs[1].name}: this run is finished" in done.out


@pytest.mark.fault(53)
@pytest.mark.parametrize("mask", [0o022, 0o077])
def test_modes_follow_the_umask(si, tmp_path, mask):
    report = f"report={mask == 0o077}".lower()  # it takes longer than all else
    assert si("run", "r.yaml", "train.steps=2", report, "--out", "run", moment=("masked", mask)).code == 0
    for path in [tmp_path / "run", *(tmp_path / "run").rglob("*")]:
        allowed = 0o777 if path.is_dir() else 0o666
        assert stat.S_IMODE(path.stat().st_mode) == allowed & ~mask, path


@pytest.mark.fault(53)
def test_a_symbolic_link_stays_one(si, tmp_path, finished, results):
    (tmp_path / "disk").mkdir()
    (tmp_path / "run").symlink_to("disk")
    assert si("run", "r.yaml", "--out", "run", moment=("signal_after_step", 8, "SIGTERM")).code == 143
    assert si("run", "r.yaml", "--out", "run", "--resume").code == 0
    assert (tmp_path / "run").is_symlink()
    assert results(tmp_path / "disk") == results(finished)


def test_a_report_has_plots_and_a_page(si, tmp_path):
    done = si("run", "r.yaml", "train.steps=2", "report=true", "--out", "run")
    assert "report: run/report.html" in done.out
    assert b"Two Gaussians" in (tmp_path / "run" / "report.html").read_bytes()
    plots = list((tmp_path / "run" / "plots").iterdir())
    assert plots
    assert all(plot.read_bytes().startswith(b"\x89PNG") for plot in plots)
