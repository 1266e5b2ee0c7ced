"""Models where something is missing or does not fit: what is, in the file's own words, and what to install."""

from __future__ import annotations

import shutil

import pytest
import safetensors.torch
import torch

from si_core.storage.checkpoint import load_tensors, save_tensors

ODE = ("sample.epsilon=0", "sample.integrator=heun")
LATENT = """
import torch
import si_core as si

class Bump(si.Latent):
    vanishes = True

    def gamma(self, t):
        return torch.sqrt(t * (1 - t))
"""


@pytest.mark.fault(69, 71)
@pytest.mark.parametrize("folder", ["run", "model"])
def test_a_plugin_that_is_missing_is_named_and_the_weights_can_be_read(si, stranger, tmp_path, folder):
    site = stranger("latent", "bump", "Bump", LATENT)
    assert si("run", "r.yaml", "latent=bump", *ODE, "train.steps=2", "--out", "run", site=site).code == 0
    assert si("export", "run", "model", site=site).code == 0
    assert si("sample", "model", "-n", "3", "--out", "x.npy", site=site).code == 0
    shutil.rmtree(site)
    for words in (("sample", folder), ("estimate", folder, "energy-distance")):
        done = si(*words)
        assert done.code == 2
        assert "latent 'bump' of si-stranger 1.5" in done.err
        assert "pip install si-stranger==1.5" in done.err
    weights = safetensors.torch.load_file(tmp_path / folder / "model.safetensors")
    assert weights
    assert all(torch.isfinite(tensor).all() for tensor in weights.values())


@pytest.mark.fault(47)
def test_weights_by_another_recipe_name_its_keys(si, run):
    text = (run / "resolved.yaml").read_text(encoding="utf-8")
    (run / "resolved.yaml").write_text(text.replace("width: 16", "width: 8"), encoding="utf-8")
    done = si("sample", "run")
    assert done.code == 4
    assert "network.width: 16 there, 8 here" in done.err


@pytest.mark.fault(47)
def test_weights_that_do_not_fit_are_a_table_and_none_of_them_is_loaded(si, run):
    stored = load_tensors(run / "model.safetensors")
    first = next(name for name in sorted(stored.tensors) if name.endswith("weight"))
    tensors = {name: value for name, value in stored.tensors.items() if name != first} | {"stranger": torch.ones(2)}
    save_tensors(run / "model.safetensors", tensors, stored.metadata)
    done = si("sample", "run", "--out", "x.npy")
    assert done.code == 4
    assert f"missing     {first}: " in done.err
    assert "unexpected  stranger: (2,) float32" in done.err
    assert not (run.parent / "x.npy").exists()
