"""Callbacks in real runs: an early stop is kept, a run is resumed as if it had not been interrupted, bits stay."""

from __future__ import annotations

import json
from pathlib import Path

import numpy
import pytest
import torch

import si_core as si
from si_callbacks.image_grid import image_grid
from si_core.cli.main import main

RECIPE = """\
source: {use: gaussian, dim: 2}
target: {use: array, path: x.npy}
network: {use: mlp, width: 8, depth: 1}
train: {steps: 40, batch: 16, log_every: 4, checkpoint_every: 4, optimizer: {use: adam, lr: 1e-9}}
sample: {number: 16, batch: 16, integrator: {use: euler, steps: 2}}
report: false
"""
STOP = "callbacks={use: early-stopping, patience: 2, min_delta: 1.0}"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    numpy.save(tmp_path / "x.npy", numpy.random.default_rng(0).normal(size=(200, 2)).astype("float32"))
    (tmp_path / "r.yaml").write_text(RECIPE)
    monkeypatch.chdir(tmp_path)


def steps(run: str) -> list[int]:
    return [json.loads(line)["step"] for line in Path(run, "metrics.jsonl").read_text().splitlines()]


def test_a_stopped_run_is_finished_and_stays_so():
    assert main(["run", "r.yaml", STOP, "--out", "run"]) == 0
    # The first look is the best; the second and third improve by less than 1.
    assert steps("run") == [4, 8, 12]
    assert json.loads(Path("run/STATUS.json").read_bytes())["step"] == 12
    weights = Path("run/model.safetensors").read_bytes()
    Path("run/samples.npy").unlink()
    assert main(["run", "run/resolved.yaml", "--resume", "--out", "run"]) == 0
    assert steps("run") == [4, 8, 12]
    assert Path("run/samples.npy").exists()
    assert Path("run/model.safetensors").read_bytes() == weights


def test_callbacks_change_no_bit_of_what_is_trained():
    pytest.importorskip("matplotlib")
    assert main(["run", "r.yaml", "--out", "plain"]) == 0
    assert main(["run", "r.yaml", "callbacks={use: sample-pictures, every: 20, number: 8}", "--out", "watched"]) == 0
    assert sorted(path.name for path in Path("watched/pictures").iterdir()) == [
        "step-00000020.png",
        "step-00000040.png",
    ]
    assert Path("plain/metrics.jsonl").read_bytes() == Path("watched/metrics.jsonl").read_bytes()
    assert Path("plain/samples.npy").read_bytes() == Path("watched/samples.npy").read_bytes()


@pytest.mark.parametrize("shape", [(4, 4), (1, 4, 6), (3, 4, 4), (2, 4, 4)])
def test_images_are_shown_as_a_grid(shape):
    pytest.importorskip("matplotlib")
    from matplotlib.image import imread

    numpy.save("x.npy", numpy.random.default_rng(0).normal(size=(40, *shape)).astype("float32"))
    Path("r.yaml").write_text(RECIPE.replace("{use: gaussian, dim: 2}", "gaussian"))
    short = ["train.steps=2", "callbacks={use: sample-pictures, every: 2, number: 9}"]
    assert main(["run", "r.yaml", *short, "--out", "run"]) == 0
    picture = imread("run/pictures/step-00000002.png")[..., :3]
    colours = numpy.abs(picture - picture.mean(-1, keepdims=True)).max()
    assert (colours > 0.2) is numpy.bool_(shape[0] == 3)


def test_every_image_has_its_place_in_the_grid():
    """Seven images of one value each: rows of three, the last places white; limits of the data, or the values' own."""
    values = torch.arange(7.0)
    for images, limits, shades in (
        (values.reshape(7, 1, 1).expand(7, 2, 3), None, values / 6),
        (values.reshape(7, 1, 1, 1).expand(7, 1, 2, 3), (0.0, 12.0), values / 12),
        (values.reshape(7, 1, 1, 1).expand(7, 2, 2, 3), (6.0, 0.0), 1 - values / 6),
    ):
        grid = image_grid(images, limits)
        assert grid.shape == (2 + 1 + 2 + 1 + 2, 3 + 1 + 3 + 1 + 3)
        for i, shade in enumerate(shades):
            row, column = divmod(i, 3)
            torch.testing.assert_close(grid[3 * row : 3 * row + 2, 4 * column : 4 * column + 3], shade.expand(2, 3))
        assert bool((grid[6:, 4:] == 1).all())
        assert bool((grid[2] == 1).all())
    colours = torch.rand(2, 3, 4, 4, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(image_grid(colours, (0.0, 1.0))[:, 5:], colours[1].permute(1, 2, 0))


def test_early_stopping_needs_rows_that_are_held_out():
    with pytest.raises(si.RecipeError, match="kept from training") as caught:
        si.train(si.load_recipe("r.yaml", [STOP, "target.held_out=0"]))
    assert "argument 1" in str(caught.value.where)


def test_a_stop_in_memory_gives_a_model():
    assert si.sample(si.train(si.load_recipe("r.yaml", [STOP])), 4).shape == (4, 2)


def test_one_object_follows_several_trainings_alike():
    pytest.importorskip("si_recipes")
    stopping = si.build("callback", "early-stopping", patience=2, min_delta=1.0)
    rows = numpy.load("x.npy")
    train = {"batch": 16, "log_every": 4, "optimizer": {"use": "adam", "lr": 1e-9}}
    network = {"use": "mlp", "width": 8, "depth": 1}
    for _ in range(3):
        fitted = si.fit(rows, network=network, steps=40, train=train, callbacks=[stopping], progress=False)
        assert fitted.step == 12
