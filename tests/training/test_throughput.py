"""How fast training is, and the share of its time outside the networks: by a clock that the parts themselves turn."""

from __future__ import annotations

import json
import shutil
import types

import pytest
import torch
from torch import nn

import si_core as si
from si_core.cli.main import main
from si_core.models.assembly import assemble
from si_core.training import throughput
from si_core.training.trainer import Trainer

for plugin in ("si_interpolants", "si_distributions", "si_integrators", "si_objectives", "si_networks"):
    pytest.importorskip(plugin)


class Clock:
    """Seconds that pass where somebody says so."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


class Slow(nn.Module):
    """Three seconds forward, and two in its part of the backward pass."""

    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self.clock, self.layer = clock, nn.Linear(2, 2)

    def forward(self, t: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
        self.clock.now += 3
        y = self.layer(x)
        if y.requires_grad:
            y.register_hook(lambda gradient: setattr(self.clock, "now", self.clock.now + 2))
        return y


class Thinking(si.Regression):
    """A loss of one second, outside of the network."""

    field = "velocity"

    def loss(self, draw: si.Draw, prediction: torch.Tensor) -> torch.Tensor:
        self.clock.now += 1
        return super().loss(draw, prediction)


@pytest.fixture
def clock(monkeypatch) -> Clock:
    one = Clock()
    monkeypatch.setattr(throughput, "time", types.SimpleNamespace(perf_counter=one))
    return one


def trainer_of(clock: Clock, **train: object) -> Trainer:
    objective = Thinking()
    objective.clock = clock
    recipe = {
        "source": {"use": "gaussian", "dim": 2},
        "target": {"use": "gaussian", "dim": 2},
        "network": Slow(clock),
        "objectives": [objective],
        "train": {"steps": 100, "batch": 16, **train},
    }
    return Trainer(assemble(si.load_recipe(recipe)), si.Runtime())


@pytest.mark.parametrize("parts", [1, 4])
def test_the_share_outside_and_the_pace_are_what_they_are(clock, parts):
    trainer = trainer_of(clock, accumulate=parts)
    trainer.advance()
    assert trainer.throughput.record(1) is None, "the first step, which may compile, is of no interval"
    for first, last in ((2, 17), (18, 40)):
        for _ in range(first, last + 1):
            trainer.advance()
        clock.now += 6  # as who follows the run does
        steps, seconds = last + 1 - first, (last + 1 - first) * 6 * parts + 6
        assert trainer.throughput.record(last) == {
            "step": last,
            "seconds": pytest.approx(seconds),
            "steps_per_second": pytest.approx(steps / seconds),
            "samples_per_second": pytest.approx(16 * steps / seconds),
            "outside": pytest.approx(1 - 5 * parts * steps / seconds),
        }


def test_no_share_is_told_where_no_step_was_measured_inside(clock):
    trainer = trainer_of(clock)
    trainer.advance()
    trainer.advance()
    assert trainer.throughput.record(2)["outside"] is None


def test_a_run_keeps_and_shows_it_beside_its_metrics(tmp_path, capsys):
    (tmp_path / "r.yaml").write_text(
        "source: {use: gaussian, dim: 2}\ntarget: {use: gaussian, dim: 2}\nnetwork: {use: mlp, width: 8, depth: 1}\n"
        "train: {steps: 30, batch: 8, log_every: 10, checkpoint_every: 10}\nreport: false\n"
        "sample: {number: 8, batch: 8, integrator: {use: euler, steps: 2}}\n"
    )
    run = tmp_path / "run"
    assert main(["run", str(tmp_path / "r.yaml"), "--out", str(run)]) == 0
    shown = capsys.readouterr().out
    assert " samples/s" in shown
    assert "of the time outside the network" in shown

    def records(name: str) -> list[dict]:
        return [json.loads(line) for line in (run / name).read_text().splitlines()]

    assert [record["step"] for record in records("throughput.jsonl")] == [10, 20, 30]
    assert all(0 <= record["outside"] <= 1 for record in records("throughput.jsonl"))
    metrics = records("metrics.jsonl")
    for step in ("20", "30"):
        shutil.rmtree(run / "checkpoints" / f"step-000000{step}")
    (run / "model.safetensors").unlink()
    assert main(["run", str(tmp_path / "r.yaml"), "--resume", "--out", str(run)]) == 0
    assert records("metrics.jsonl") == metrics
    assert [record["step"] for record in records("throughput.jsonl")] == [10, 20, 30]
