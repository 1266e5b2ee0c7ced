"""No file that is read can run code: pickles are refused at every door, whatever the environment says."""

from __future__ import annotations

import os
import pickle
from pathlib import Path

import numpy as np
import pytest
import torch

from si_core.cli.main import main

FLAGS = ("TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD", "TORCH_FORCE_WEIGHTS_ONLY_LOAD", "NUMPY_ALLOW_PICKLE", "SI_ALLOW_PICKLE")


class Canary:
    """Makes the folder ``canary`` here when it is unpickled."""

    def __reduce__(self):
        return os.mkdir, ("canary",)


def plain(path):
    path.write_bytes(pickle.dumps(Canary()))


def objects(path):
    rows = np.array([Canary(), Canary()], dtype=object)
    with open(path, "wb") as file:
        np.savez(file, rows=rows) if path.suffix == ".npz" else np.save(file, rows, allow_pickle=True)


def of_torch(path):
    torch.save({"w": Canary()}, path)


@pytest.fixture
def refused(run, tmp_path, monkeypatch, capsys):
    """Whether a command is refused without running code; what it said."""
    monkeypatch.chdir(tmp_path)
    for flag in FLAGS:
        monkeypatch.setenv(flag, "1")

    def check(code, *words):
        assert main(list(words)) == code, words
        said = capsys.readouterr().err
        assert "internal error" not in said
        assert "Traceback" not in said
        assert not Path("canary").exists(), words
        return said

    return check


@pytest.mark.fault(45)
@pytest.mark.parametrize("make", [plain, objects, of_torch])
@pytest.mark.parametrize("suffix", [".npy", ".npz", ".csv", ".parquet"])
def test_data_in_any_format(refused, tmp_path, make, suffix):
    make(tmp_path / f"x{suffix}")
    recipe = f"source: {{use: gaussian, dim: 2}}\ntarget: {{use: array, path: x{suffix}}}\n"
    (tmp_path / "data.yaml").write_text(recipe, encoding="utf-8")
    for words in (
        ("estimate", "run", "energy-distance", "--data", f"x{suffix}"),
        ("sample", "run", "--start-from", f"x{suffix}"),
        ("run", "data.yaml", "--out", "new"),
    ):
        assert f"x{suffix}" in refused(3, *words)


@pytest.mark.fault(45)
@pytest.mark.parametrize("make", [plain, of_torch])
def test_files_of_a_run(refused, run, tmp_path, make):
    for name in ("model.safetensors", "frame.json", "estimates.json", "resolved.yaml"):
        good = (run / name).read_bytes()
        make(run / name)
        command = "report" if name == "estimates.json" else "sample"
        said = refused(2 if name == "resolved.yaml" else 4, command, "run")
        assert name in said
        if name == "model.safetensors":
            assert "safetensors.torch.save_file" in said
        (run / name).write_bytes(good)


@pytest.mark.fault(45)
def test_files_of_a_checkpoint(refused, run):
    (run / "samples.npy").unlink()
    for path in (run / "checkpoints").glob("*/*"):
        of_torch(path)
    assert "none of the checkpoints is good" in refused(4, "run", "run/resolved.yaml", "--resume", "--out", "run")
