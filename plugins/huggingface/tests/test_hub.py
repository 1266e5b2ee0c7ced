"""The real client of the Hugging Face Hub, against a hub that serves a local folder."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest
import torch

import si_core as si
from si_core.cli.main import main

pytest.importorskip("huggingface_hub")

from si_huggingface import pull, push


def test_a_model_comes_back_as_it_was(hub, exported, tmp_path):
    address = push(exported, "me/moons", endpoint=hub.address)
    assert address.startswith(f"{hub.address}/me/moons/commit/")
    sent = {path.name for path in (hub.folder / "me/moons").iterdir()}
    assert sent == {path.name for path in exported.iterdir()}
    folder = pull("me/moons", tmp_path / "model", endpoint=hub.address)
    one, other = si.load_model(exported), si.load_model(folder)
    assert torch.equal(one.sample(8), other.sample(8))
    assert not any(path.is_symlink() for path in folder.iterdir())


def test_the_card_has_what_the_hub_looks_for(hub, exported):
    push(exported, "me/moons", endpoint=hub.address)
    card = (hub.folder / "me/moons/README.md").read_text()
    assert card.startswith("---\nlibrary_name: si-core\n")
    assert card.endswith((exported / "README.md").read_text())


def test_the_commands(hub, exported, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(["push", str(exported), "me/moons", "--private"]) == 0
    assert main(["pull", "me/moons", "model"]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "model"
    assert main(["sample", "model", "-n", "4", "--out", "x.npy"]) == 0
    assert main(["pull", "me/moons", "model"]) == si.StorageError.code
    assert "the folder is in use" in capsys.readouterr().err
    assert main(["pull", "me/moons", "model", "--overwrite"]) == 0


def test_what_is_fetched_is_there_without_the_hub(hub, exported, tmp_path, monkeypatch):
    from huggingface_hub import constants

    push(exported, "me/moons", endpoint=hub.address)
    pull("me/moons", tmp_path / "first", endpoint=hub.address)
    asked = len(hub.asked)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    second = pull("me/moons", tmp_path / "second", endpoint=hub.address)
    assert (second / "model.safetensors").read_bytes() == (exported / "model.safetensors").read_bytes()
    assert len(hub.asked) == asked
    with pytest.raises(si.StorageError, match="can't be reached, and nothing of it is here"):
        pull("me/other", tmp_path / "third", endpoint=hub.address)


def test_only_files_of_a_model_are_taken_and_nothing_that_is_none(hub, exported, tmp_path):
    shutil.copytree(exported, hub.folder / "me/moons")
    (hub.folder / "me/moons/evil.pkl").write_bytes(b"x")
    folder = pull("me/moons", tmp_path / "model", endpoint=hub.address)
    assert not (folder / "evil.pkl").exists()
    (hub.folder / "me/empty").mkdir()
    (hub.folder / "me/empty/config.json").write_text("{}")
    with pytest.raises(si.StorageError, match=r"no model of si-core in this repository"):
        pull("me/empty", tmp_path / "none", endpoint=hub.address)
    assert not (tmp_path / "none").exists()


def test_what_can_not_be_is_told(hub, exported, tmp_path, monkeypatch):
    with pytest.raises(si.UsageError, match="there is no such repository"):
        pull("me/nobody", tmp_path / "a", endpoint=hub.address)
    with pytest.raises(si.UsageError, match="OWNER/NAME"):
        pull("me/too/many", tmp_path / "a", endpoint=hub.address)
    run = tmp_path / "run"
    run.mkdir()
    (run / "resolved.yaml").write_text("title: x\n")
    with pytest.raises(si.StorageError, match="si export"):
        push(run, "me/moons", endpoint=hub.address)
    (tmp_path / "used").mkdir()
    (tmp_path / "used/letter.txt").write_text("mine")
    for overwrite in (False, True):
        with pytest.raises(si.StorageError):
            pull("me/moons", tmp_path / "used", overwrite=overwrite, endpoint=hub.address)
    assert (tmp_path / "used/letter.txt").read_text() == "mine"
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(si.UsageError, match=r"pip install 'si-huggingface\[huggingface\]'"):
        push(exported, "me/moons")


def test_listing_is_light():
    import subprocess

    code = "import sys, si_huggingface.plugin; print('huggingface_hub' in sys.modules, 'torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=Path.home())
    assert done.stdout.split() == ["False", "False"]
