"""Run folders whose files vouch for each other and hold what no run writes; what fuzzers found, one test a kind."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

import si_core as si_
from si_core.storage.tensors import load_tensors, save_tensors

from .test_fuzzed_run_folders import command
from .watchdog import watched

READ = ["resolved.yaml", "model.safetensors", "frame.json", "environment.json", "estimates.json", "metrics.jsonl"]
READ += ["STATUS.json", "SHA256SUMS", "layout.json", "checkpoints/step-00000024/state.json"]
DOORS = {
    "sample": ("sample", "run", "-n", "4", "--out", "s.npy"),
    "resume": ("run", "r.yaml", "--out", "run", "--resume"),
    "export": ("export", "run", "model"),
    "compare": ("compare", "run", "run"),
}


@pytest.fixture
def here(si, run: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of the test, with ``run`` and ``r.yaml`` in it."""
    monkeypatch.chdir(run.parent)
    return run.parent


@pytest.mark.fault(43)
@pytest.mark.parametrize("door", DOORS)
def test_a_pipe_or_a_device_in_place_of_a_file_is_not_waited_for(here, door):
    """Each file in place of a pipe by one command, and of a device by another."""
    words, turn = DOORS[door], list(DOORS).index(door)
    for number, name in enumerate(READ):
        if (number + turn) % 2:
            continue
        path = here / "run" / name
        kept = path.read_bytes() if path.exists() else None
        path.unlink(missing_ok=True)
        if turn // 2:
            path.symlink_to("/dev/zero")
        else:
            os.mkfifo(path)
        with watched(f"{name}, {words}", may_wait=True):
            assert command(*words).code in (0, 2, 4)
        shutil.rmtree(here / "model", ignore_errors=True)
        path.unlink()
        if kept is not None:
            path.write_bytes(kept)


@pytest.mark.fault(43)
def test_a_file_with_a_hole_is_not_read(here):
    with (here / "run" / "metrics.jsonl").open("r+b") as file:
        file.truncate(1 << 40)
    said = command("export", "run", "model")
    assert said.code == 4
    assert "run/metrics.jsonl: too large a file" in said.text


def _state(run: Path, change) -> None:
    """Change the state of the newest checkpoint, and let its manifest vouch for it; what was made of it goes."""
    newest = run / "checkpoints" / "step-00000024"
    state = json.loads((newest / "state.json").read_bytes())
    change(state)
    (newest / "state.json").write_text(json.dumps(state))
    manifest = json.loads((newest / "manifest.json").read_bytes())
    data = (newest / "state.json").read_bytes()
    manifest["files"]["state.json"] = {"size": len(data), "sha256": hashlib.sha256(data).hexdigest()}
    (newest / "manifest.json").write_text(json.dumps(manifest, indent=1) + "\n")
    (run / "model.safetensors").unlink()


STATES = {
    "no sums": lambda state: state.update(sums=[]),
    "sums of nothing": lambda state: state.update(sums={"count": 3, "losses": None, "norm": 0.0}),
    "sums of other losses": lambda state: state.update(sums={"count": 3, "losses": [1.0], "norm": 0.0}),
    "sums of text": lambda state: state.update(sums={"count": 3, "losses": ["a", "b"], "norm": 0.0}),
    "an end for no reason": lambda state: state.update(stopped=[1]),
    "no groups": lambda state: state.update(optimizer={"dict": [["state", {"dict": []}]]}),
    "a list": lambda state: state.update(optimizer=[]),
    "a number": lambda state: state.update(optimizer={"dict": 3}),
}


@pytest.mark.fault(43, 50)
@pytest.mark.parametrize("change", STATES.values(), ids=STATES)
def test_a_state_of_another_form_is_told_with_its_place(here, change):
    _state(here / "run", change)
    said = command("run", "r.yaml", "--out", "run", "--resume")
    assert said.code == 4, said.text
    assert "run/checkpoints/step-00000024/state.json: " in said.text
    assert "so that an older one serves" in said.text


@pytest.mark.fault(43)
@pytest.mark.parametrize(
    "records", [True, {}, [1], [{}], [{"name": "x", "value": None, "unit": "1", "bound": "exact"}]]
)
def test_numbers_that_are_none_are_not_carried_on(here, records):
    (here / "run" / "estimates.json").write_text(json.dumps(records))
    said = command("export", "run", "model")
    assert said.code == 4
    assert "run/estimates.json: damaged: no estimates" in said.text
    assert not (here / "model").exists()
    assert "estimates.json: damaged: no estimates" in command("compare", "run", "run").text


@pytest.mark.fault(43)
def test_times_of_a_status_that_can_not_be_compared(here):
    status = json.loads((here / "run" / "STATUS.json").read_bytes())
    (here / "run" / "STATUS.json").write_text(json.dumps({**status, "started": "2026-01-01T00:00:00"}))
    assert command("compare", "run", "run").code == 0


@pytest.mark.fault(47)
def test_a_number_of_steps_that_is_none(here):
    file = here / "run" / "model.safetensors"
    tensors, metadata = load_tensors(file)
    save_tensors(file, tensors, {**metadata, "step": "\x1b[31m9" + "9" * 5000})
    for words in (DOORS["sample"], ("validate", "r.yaml", "init=run", "--build")):
        said = command(*words)
        assert said.code in (2, 4)
        assert "no number of steps" in said.text


@pytest.mark.fault(14, 18)
@pytest.mark.parametrize("base", ["\0", "a\0b", "\ud800"], ids=ascii)
def test_a_base_that_is_no_path(tmp_path, base):
    path = tmp_path / "r.yaml"
    path.write_text(json.dumps({"base": base, "target": "two-moons"}))
    with pytest.raises(si_.RecipeError, match=r"r\.yaml:1"):
        si_.load_recipe(path)


@pytest.mark.fault(47)
def test_a_fingerprint_of_other_numbers(here):
    file = here / "run" / "model.safetensors"
    tensors, metadata = load_tensors(file)
    tensors["fingerprint.beta"] = tensors["fingerprint.beta"].to(torch.complex64) + 1j
    save_tensors(file, tensors, metadata)
    said = command(*DOORS["sample"])
    assert said.code == 5
    assert "absent when it was trained" in said.text


@pytest.mark.fault(18)
def test_a_recipe_that_is_a_link_to_something_else_is_not_shown(here):
    (here / "private").write_text("password: hunter2\n")
    (here / "run" / "resolved.yaml").unlink()
    (here / "run" / "resolved.yaml").symlink_to(here / "private")
    for words in DOORS.values():
        said = command(*words)
        assert "nothing of it is shown" in said.text or words[0] == "compare"
        assert not any(word in said.text for word in ("password", "hunter2"))


def test_a_recipe_that_is_a_link_to_a_recipe_is_read(here):
    (here / "run" / "resolved.yaml").rename(here / "kept.yaml")
    (here / "run" / "resolved.yaml").symlink_to(here / "kept.yaml")
    assert command(*DOORS["sample"]).code == 0


LAYOUTS = {
    "another library": {"container": "os"},
    "a function for a dtype": {"container": "torch", "dtypes": ["load"]},
    "no dtype": {"dtypes": [".5"]},
    "text": {"dtypes": ["U3"]},
    "other columns": {"columns": ["a"]},
    "columns that are lists": {"columns": [[], []]},
    "one number": {"single": True},
    "an odd flag": {"on_device": "no"},
    "odd classes": {"spoken": {"x": "system"}},
    "a frame without columns": {"container": "pandas"},
}


@pytest.mark.fault(71)
@pytest.mark.parametrize("change", LAYOUTS.values(), ids=LAYOUTS)
def test_a_layout_that_no_data_have(tmp_path, monkeypatch, change):
    monkeypatch.chdir(tmp_path)
    rows = np.random.default_rng(0).normal(size=(32, 2))
    folder = si_.fit(rows, steps=1, network={"use": "mlp", "width": 4, "depth": 1}).save("fit")
    plain = json.loads((folder / "layout.json").read_bytes())
    assert command("sample", "fit", "-n", "4", "--out", "s.npy").code == 0
    (folder / "layout.json").write_text(json.dumps({**plain, **change}))
    with pytest.raises(si_.StorageError, match=r"layout\.json: "):
        si_.load_model("fit")
    assert command("sample", "fit", "-n", "4", "--out", "s.npy").code == 4


@pytest.mark.fault(24)
def test_values_of_a_condition_in_a_damaged_file(tmp_path):
    from si_core.models.given_values import given_values

    model = SimpleNamespace(process=SimpleNamespace(conditions={"y": si_.ConditionSpec((2,))}))
    np.save(tmp_path / "y.npy", np.zeros((3, 2)))
    data = bytearray((tmp_path / "y.npy").read_bytes())
    data[data.index(b"'descr'")] = ord("\\")
    (tmp_path / "y.npy").write_bytes(data)
    with pytest.raises(si_.DataError, match=r"y\.npy: damaged"):
        given_values(model, {"y": str(tmp_path / "y.npy")})


@pytest.mark.fault(43)
def test_weights_that_are_a_link_to_something_else_are_not_shown(here):
    (here / "token.json").write_text('{"secret": 12345678}')
    (here / "run" / "model.safetensors").unlink()
    (here / "run" / "model.safetensors").symlink_to(here / "token.json")
    done = command("sample", "run", "-n", "4", "--out", "s.npy")
    assert done.code == 4
    assert "secret" not in done.text
