"""The recipes, with few steps: what they say can be built, trained and measured, and stays within the prior."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch

import si_core as si
from si_core.cli.main import main

CHEAP = ["train.steps=3", "train.batch=16", "sample.number=32", "sample.batch=64", "network.width=8", "network.depth=1"]
CHEAP += ["target.number=400", "sample.integrator={use: euler, steps: 2}"]


@pytest.mark.parametrize("name", ["gaussian-linear", "two-moons", "slcp"])
def test_a_recipe_goes_through(name, tmp_path, monkeypatch):
    monkeypatch.setattr("si_inference.c2st.c2st", lambda reference, samples, seed: 0.5)
    monkeypatch.chdir(tmp_path)
    estimators = [f"{{use: c2st, simulator: {name}, samples: 40}}", "{use: calibration, draws: 3}"]
    cheap = [*CHEAP, "report=false", f"estimators=[{', '.join(estimators)}]"]
    assert main(["run", f"posterior-{name}", "--out", "run", *cheap]) == 0
    found = {record["name"]: record for record in json.loads((tmp_path / "run" / "estimates.json").read_text())}
    assert set(found) == {"c2st", "calibration p-value"}
    assert len(found["c2st"]["details"]["observations"]) == 3
    bounds = si.build("simulator", name).bounds
    samples = np.load(tmp_path / "run" / "samples.npy")
    assert samples.shape == (32, len(si.build("simulator", name).names))
    assert bounds is None or bool(bounds.inside(torch.from_numpy(samples)).all())


def test_a_constant_noise_level_without_a_latent_is_refused(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    changed = ["latent=none", "objectives=[velocity]", "sample.epsilon=0.5", "sample.integrator=euler-maruyama"]
    assert main(["run", "posterior-two-moons", "--out", "run", *changed, "target.number=100"]) != 0
    assert "grow without bound at t = 1" in " ".join(capsys.readouterr().err.split())
