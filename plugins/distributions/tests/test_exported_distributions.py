"""What a model keeps of each distribution is enough to sample and to measure points elsewhere, with the data gone."""

from __future__ import annotations

import shutil

import numpy as np
import pytest
import torch

import si_core as si
from si_core.contract.exporter import RunRecords

for plugin in ("si_exporters", "si_interpolants", "si_networks", "si_objectives", "si_integrators", "si_estimators"):
    pytest.importorskip(plugin)

LAWS = {
    "gaussian": {"dim": 2, "covariance": 3.0},
    "gaussian-mixture": {"means": [[0, 0], [3, 1]]},
    "random-gaussian-mixture": {"dim": 2, "components": 3},
    "eight-gaussians": {},
    "checkerboard": {},
    "two-moons": {},
    "swiss-roll": {},
    "iris": {"use": "table", "name": "iris"},
    "digits": {"dequantise": True},
    "array": {"path": "data/x.csv", "label": "kind", "missing": "mean"},
    "fields": {"use": "array", "path": "data/x.npy"},
    "photos": {"side": 4, "shrink": 8},
    "left on file": {"use": "array", "path": "data/x.npy", "storage": "file"},
    "shards": {"path": "data/x.npy", "held_out": 0.1},
    "images": {"path": "data/pictures", "size": 4},
}


@pytest.fixture
def data(tmp_path, monkeypatch):
    """Files of each kind in a folder beside the recipe."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data" / "pictures").mkdir(parents=True)
    rng = np.random.default_rng(0)
    rows = [f"{a},{b},{k}" for (a, b), k in zip(rng.normal([150, 1e9], [3, 5], (60, 2)), "abc" * 20, strict=True)]
    (tmp_path / "data" / "x.csv").write_text("\n".join(["height,time,kind", "NA,1e9,a", *rows]))
    np.save(tmp_path / "data" / "x.npy", np.asfortranarray(rng.normal(3, 2, (60, 2, 4, 4)).astype(">f4")))
    return tmp_path


@pytest.mark.parametrize("name", LAWS)
def test_an_exported_model_needs_no_data(name, data):
    if name == "images":
        image = pytest.importorskip("PIL.Image")
        for i in range(12):
            pixels = np.random.default_rng(i).integers(0, 256, (5, 4 + i, 3), dtype=np.uint8)
            image.fromarray(pixels).save(data / "data" / "pictures" / f"{i}.png")
    recipe = si.load_recipe(
        {
            "source": "gaussian",
            "target": {"use": name, **LAWS[name]},
            "interpolant": "linear",
            "latent": "none",
            "objectives": ["velocity"],
            "network": {"use": "mlp", "width": 8, "depth": 1},
            "train": {"steps": 1, "batch": 8},
            "sample": {"integrator": {"use": "euler", "steps": 2}, "epsilon": 0},
        }
    )
    model = si.train(recipe)
    (data / "out").mkdir()
    si.build("exporter", "folder").export(model, data / "out", RunRecords())
    expected, frame = si.sample(model, 5), model.process.target.frame
    shutil.rmtree(data / "data")
    elsewhere = shutil.move(data / "out", data / "elsewhere")
    loaded = si.load_model(elsewhere)
    assert torch.equal(si.sample(loaded, 5), expected)
    assert loaded.process.target.frame.plain() == frame.plain()
    assert loaded.process.target.conditions == model.process.target.conditions
    points = si.estimate(loaded, "energy-distance", expected)
    assert points.value == si.estimate(model, "energy-distance", expected).value
