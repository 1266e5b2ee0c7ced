"""Options of training on a CUDA device: precision, parts of a batch, blocks computed again, pace, averages."""

from __future__ import annotations

import pytest
import torch

import si_core as si
from si_core.cli.main import main
from si_core.models.assembly import assemble
from si_core.training.trainer import Trainer

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device"),
]

RECIPE = {
    "seed": 4,
    "source": "gaussian",
    "target": {"use": "gaussian", "shape": [1, 16, 16]},
    "network": {"use": "unet", "width": 32},
    "train": {"steps": 40, "batch": 64, "optimizer": {"use": "adam", "lr": 1e-3}},
    "sample": {"number": 16, "batch": 16, "integrator": {"use": "euler", "steps": 2}},
    "report": False,
}


def trainer_of(*overrides: str) -> Trainer:
    return Trainer(assemble(si.load_recipe(RECIPE, overrides)), si.Runtime.at("cuda"))


def gradient(trainer: Trainer) -> torch.Tensor:
    if trainer._gradients.scale is not None:
        trainer._gradients.scale.value = 2.0**8  # the first one is found by overflows
    trainer._gradients.of(0, trainer.batch())
    return torch.cat([p.grad.flatten() for p in trainer.parameters]).double()


@pytest.mark.parametrize("network", ["unet", "transformer"])
@pytest.mark.parametrize(
    ("override", "error"),
    [
        ("train.precision=bfloat16", 16 * 2**-7),
        ("train.precision=float16", 16 * 2**-10),
        ("train.accumulate=5", 1e-3),
        ("network.checkpointing=true", 1e-3),
    ],
)
def test_gradients_are_those_of_the_plain_step_up_to_rounding(network, override, error):
    use = f"network={{use: {network}, width: 32}}"
    full, other = gradient(trainer_of(use)), gradient(trainer_of(use, override))
    assert float((other - full).norm()) <= error * float(full.norm())


@pytest.mark.parametrize("precision", ["full", "bfloat16", "float16"])
def test_training_goes_on_and_tells_its_pace(precision):
    trainer = trainer_of(f"train.precision={precision}", "train.accumulate=2")
    while not trainer.finished:
        trainer.advance()
    record, pace = trainer.record(), trainer.throughput.record(trainer.step)
    assert record["loss"] < 0
    assert {p.dtype for p in trainer.parameters} == {torch.float32}
    assert pace is not None
    assert 0 <= pace["outside"] < 1
    assert pace["samples_per_second"] == pytest.approx(64 * pace["steps_per_second"])


def test_a_run_is_sampled_from_averages_of_any_length(tmp_path):
    recipe = si.load_recipe(RECIPE, ["train.ema={use: power, snapshots: 8}"])
    (tmp_path / "r.yaml").write_text(recipe.dump(tmp_path))
    assert main(["run", str(tmp_path / "r.yaml"), "--device", "cuda", "--out", str(tmp_path / "run")]) == 0
    models = [si.load_model(tmp_path / "run", "cuda", ema=length) for length in (0.05, 0.07, 0.1)]
    first, middle, last = (
        torch.cat([p.flatten() for p in model.fields.predictor.parameters()]).double() for model in models
    )
    assert 0 < float((middle - first).norm()) < float((last - first).norm())
    assert si.sample(models[1], 4).shape == (4, 1, 16, 16)
