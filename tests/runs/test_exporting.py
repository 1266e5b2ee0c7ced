"""`si export`: a folder that is there whole or not at all, replaces nothing but an earlier export, and is a model."""

from __future__ import annotations

import json
import os
import signal

import numpy as np
import pytest

import si_core as si
from si_core.cli.main import main
from si_core.storage.faults import FAULT_POINTS, set_fault_hook
from si_core.storage.new_folder import new_folder

for plugin in ("si_distributions", "si_networks", "si_integrators", "si_estimators", "si_exporters"):
    pytest.importorskip(plugin)

RECIPE = """\
title: Moons & <b>stars</b>
source: {use: gaussian, dim: 2}
target: two-moons
latent: {use: brownian, scale: 1.0}
objectives: [velocity, denoiser]
network: {use: mlp, width: 8, depth: 1}
train: {steps: 3, batch: 8, log_every: 1}
sample: {number: 20, integrator: {use: euler-maruyama, steps: 40}, epsilon: measured, clock: fitted, freeze: true}
estimators: [{use: energy-distance, samples: 16}]
report: false
"""


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("moons")
    (folder / "r.yaml").write_text(RECIPE, encoding="utf-8")
    assert main(["run", str(folder / "r.yaml"), "--out", str(folder / "run")]) == 0
    return folder / "run"


def test_what_was_measured_on_the_model_goes_with_it(run, tmp_path, capsys):
    assert main(["export", str(run), str(tmp_path / "model"), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["exporter"] == "si-exporters/folder"
    names = {path.name for path in (tmp_path / "model").iterdir()}
    assert {os.path.basename(path) for path in told["files"]} == names - {"export.json"}
    assert {"diffusion.json", "clock.json"} <= names
    assert np.array_equal(si.sample(si.load_model(tmp_path / "model"), 20), np.load(run / "samples.npy"))
    words = ["estimate", str(tmp_path / "model"), '{"use": "energy-distance", "samples": 16}', "--json"]
    assert main(words) == 0
    found = json.loads(capsys.readouterr().out)
    assert main([words[0], str(run), *words[2:]]) == 0
    assert json.loads(capsys.readouterr().out) == found


def test_the_card_says_what_was_measured_and_what_it_is(run, tmp_path):
    assert main(["export", str(run), str(tmp_path / "model")]) == 0
    card = (tmp_path / "model" / "README.md").read_text(encoding="utf-8")
    assert card.startswith("# Moons \\& \\<b\\>stars\\</b\\>\n")
    (record,) = json.loads((run / "estimates.json").read_text())
    assert f"| `energy-distance` | {record['value']:.6g} ± {record['standard_error']:.2g} | {record['bound']}" in card
    for part in ("## Load", "## Data", "## Training", "## Limits", "`two-moons`", "3 steps"):
        assert part in card


def test_a_folder_in_use_is_refused_and_an_earlier_export_replaced(run, tmp_path, capsys):
    folder = tmp_path / "model"
    folder.mkdir()
    assert main(["export", str(run), str(folder)]) == 0
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert main(["export", str(run), str(folder)]) == 4
    assert "--overwrite" in capsys.readouterr().err
    (folder / "frame.json").unlink()
    assert main(["export", str(run), str(folder), "--overwrite"]) == 0
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    (folder / "thesis.txt").write_text("years of work")
    assert main(["export", str(run), str(folder), "--overwrite"]) == 4
    assert "thesis.txt" in capsys.readouterr().err
    assert {path.name for path in folder.iterdir()} == {*before, "thesis.txt"}
    assert main(["export", str(run), str(run), "--overwrite"]) == 4
    assert (run / "samples.npy").exists()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["model"]


def test_an_exported_model_is_no_run_to_go_on_with(run, tmp_path, capsys):
    assert main(["export", str(run), str(tmp_path / "model")]) == 0
    assert main(["run", str(run / "resolved.yaml"), "--resume", "--out", str(tmp_path / "model")]) == 2
    assert "no run to go on with" in capsys.readouterr().err


def test_a_model_that_nobody_could_load_is_not_written(run, tmp_path):
    process = si.load_model(run).process
    fields = si.FunctionFields(velocity=lambda t, x: -x, process=process)
    model = si.Model(process, fields, si.build("integrator", "heun", steps=2))
    with pytest.raises(si.UsageError, match="only a model of a recipe"):
        si.build("exporter", "folder").export(model, tmp_path, si.RunRecords())
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("point", [name for name in FAULT_POINTS if name.startswith("folder")])
def test_a_kill_leaves_the_old_folder_the_new_one_or_none(tmp_path, point):
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "old").write_text("old")
    child = os.fork()
    if child == 0:
        set_fault_hook(lambda name: os.kill(os.getpid(), signal.SIGKILL) if name == point else None)
        with new_folder(folder) as temporary:
            (temporary / "new").write_text("new")
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL
    found = sorted(path.name for path in folder.iterdir()) if folder.exists() else None
    assert found == {"folder: filled": ["old"], "folder: old one set aside": None, "folder: published": ["new"]}[point]


def test_an_error_leaves_the_old_folder_and_nothing_beside_it(tmp_path):
    (tmp_path / "model").mkdir()
    with pytest.raises(ZeroDivisionError), new_folder(tmp_path / "model") as temporary:
        (temporary / "part").write_text("part")
        1 / 0  # noqa: B018 - on purpose
    assert [path.name for path in tmp_path.rglob("*")] == ["model"]


def test_a_link_is_followed_and_stays_one(tmp_path):
    (tmp_path / "there").mkdir()
    (tmp_path / "link").symlink_to("there")
    (tmp_path / "dangling").symlink_to("new")
    for name in ("link", "dangling"):
        with new_folder(tmp_path / name) as temporary:
            (temporary / "file").write_text("whole")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["dangling", "link", "new", "there"]
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "there" / "file").read_text() == (tmp_path / "new" / "file").read_text() == "whole"


@pytest.mark.parametrize("inside", [".", "deeper"])
def test_the_current_directory_is_not_replaced(tmp_path, monkeypatch, inside):
    (tmp_path / "here" / "deeper").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "here" / inside)
    with pytest.raises(si.StorageError, match="current directory"), new_folder(tmp_path / "here"):
        pass
    with new_folder(tmp_path / "here" / "deeper" / "model") as temporary:
        (temporary / "file").write_text("whole")
    assert (tmp_path / "here" / "deeper" / "model" / "file").exists()
