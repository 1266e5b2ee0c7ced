"""The recipes of images: small ones of each from start to end, and as `slow` what they promise."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch

import si_core as si
from si_core.cli.main import main

SMALL_UNET = "network={use: unet, width: 8, multipliers: [1], blocks: 1, attention: []}"
SMALL_TRANSFORMER = "network={use: transformer, width: 8, depth: 1, attention_heads: 1, patch: 4}"
FEW = [
    *("train.steps=2", "train.batch=4", "sample.integrator.steps=1", "sample.number=4", "sample.batch=4"),
    *("estimators=[]", "report=false"),
]


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Carry a recipe out in a folder of its own; gives its samples and its estimates by name."""
    monkeypatch.chdir(tmp_path)

    def carried_out(*words):
        assert main(["run", *words, "--out", "run"]) == 0
        estimates = tmp_path / "run" / "estimates.json"
        found = json.loads(estimates.read_text()) if estimates.exists() else []
        records = found if isinstance(found, list) else found["estimates"]
        return np.load(tmp_path / "run" / "samples.npy"), {record["name"]: record for record in records}

    return carried_out


@pytest.fixture
def latents(tmp_path):
    """Random latents of 4 x 32 x 32 with labels of three classes."""
    rng = np.random.default_rng(0)
    np.savez(
        tmp_path / "latents.npz",
        latents=rng.normal(size=(20, 4, 32, 32)).astype(np.float32),
        label=np.arange(20) % 3,
    )
    return f"target.path={tmp_path / 'latents.npz'}"


@pytest.mark.parametrize("network", ["unet", "transformer"])
def test_digits_from_start_to_end(run, network):
    small = SMALL_UNET if network == "unet" else SMALL_TRANSFORMER
    few = [word for word in FEW if not word.startswith("estimators")]
    estimators = "estimators=[{use: classifier-accuracy, samples: 20, rows: 200, unguided: true}]"
    samples, estimates = run(f"digits-{network}", small, *few, estimators)
    assert samples.shape == (4, 1, 8, 8)
    details = estimates["classifier-accuracy"]["details"]
    # Real digits are told apart, whatever has been learned.
    assert details["classifier_accuracy"] > 0.8
    assert set(details["per_class"]) == set("0123456789")
    assert "unguided" in details


def test_photos_from_start_to_end(run):
    samples, _ = run("photos", SMALL_UNET, "target.side=4", "target.shrink=8", *FEW)
    assert samples.shape == (4, 3, 4, 4)


SMALL_OF_PICTURES = "{use: unet, width: 8, multipliers: [1], blocks: 1, attention: [], channels: [%s]}"


@pytest.mark.parametrize(("recipe", "channels"), [("inpainting", "corrupted, mask"), ("super-resolution", "corrupted")])
@pytest.mark.parametrize("coupling", ["corrupted", "observed"])
def test_pictures_from_pictures_from_start_to_end(run, recipe, channels, coupling):
    """As they are, and with a start that knows nothing, beside which they are measured."""
    few = [word for word in FEW if not word.startswith("estimators")]
    operator = "{use: mask, hidden: random-box}" if recipe == "inpainting" else "{use: downsample, factor: 4}"
    other = [f"coupling={{use: observed, operator: {operator}}}", "source=gaussian"] if coupling == "observed" else []
    network, limit = f"network={SMALL_OF_PICTURES % channels}", "estimators.0.limit=4"
    samples, estimates = run(recipe, network, *few, limit, *other)
    assert samples.shape == (4, 3, 16, 16)
    assert estimates["reconstruction-error"]["details"]["psnr"] > 0


def test_digits_from_turned_ones_from_start_to_end(run):
    network = f"network={SMALL_OF_PICTURES % 'corrupted'}"
    assert run("digits-translation", network, *FEW)[0].shape == (4, 1, 8, 8)


def test_latents_from_start_to_end(run, latents):
    samples, _ = run("sit-b-2", SMALL_TRANSFORMER, latents, *FEW)
    assert samples.shape == (4, 4, 32, 32)


def test_sit_b_2_is_the_published_one(latents):
    """Table 1 and section 4 of arXiv 2401.08740, with a thousand classes as there."""
    recipe = si.load_recipe("sit-b-2", [latents])
    train = recipe.train
    assert (train.batch, train.steps, train.ema, train.condition_dropout) == (256, 400_000, 0.9999, 0.1)
    assert train.optimizer.options == {"lr": 1e-4, "weight_decay": 0.0}
    with torch.device("meta"):
        context = {
            "shape": (4, 32, 32),
            "conditions": {"label": si.ConditionSpec(classes=tuple(map(str, range(1000))))},
        }
        network = si.build("network", recipe.network.name, context=context, **recipe.network.options)
    assert sum(parameter.numel() for parameter in network.parameters()) == 130_303_504


@pytest.mark.slow
def test_sit_b_2_takes_a_step_and_a_sample(run, latents):
    few = ("train.steps=1", "train.batch=2", "sample.integrator.steps=1", "sample.number=1", "sample.batch=1")
    samples, _ = run("sit-b-2", latents, *few, "estimators=[]", "report=false")
    assert samples.shape == (1, 4, 32, 32)
    assert np.isfinite(samples).all()


@pytest.mark.slow
@pytest.mark.parametrize(("name", "least"), [("digits-unet", 0.90), ("digits-transformer", 0.85)])
def test_digits_are_those_that_were_asked_for(run, name, least):
    samples, estimates = run(name)
    assert samples.shape == (1000, 1, 8, 8)
    found = estimates["classifier-accuracy"]
    details = found["details"]
    assert details["classifier_accuracy"] > 0.97
    assert found["value"] >= least
    assert details["gain_of_guidance"] > 2 * details["gain_of_guidance_standard_error"]
    # They are no copies: of the data's variety much is there.
    recall = estimates["precision-recall"]["details"]
    assert recall["recall"] > recall["recall_floor"] / 2
