"""The validation loss by equal parts of the clock of learning."""

from __future__ import annotations

import json

import pytest
import torch

import si_core as si
from si_core.cli.main import main
from si_core.models.assembly import assemble
from si_core.training.trainer import Trainer

for plugin in ("si_interpolants", "si_distributions", "si_integrators", "si_objectives", "si_networks"):
    pytest.importorskip(plugin)


class Rows(si.Distribution):
    """Data of which some rows are held out."""

    shape = (2,)

    def __init__(self, held: int) -> None:
        self.held = held

    def sample(self, n, generator=None):
        return torch.randn(n, 2, generator=generator)

    def held_out(self):
        return torch.randn(self.held, 2, generator=torch.Generator().manual_seed(1)), None


class Late(si.Objective):
    """A loss that is the time itself, whatever the network says."""

    field = "velocity"

    def loss(self, draw, prediction):
        return draw.t + 0 * prediction.sum(1)


def trainer_of(held: int, objective: object, bins: int | None) -> Trainer:
    recipe = {
        "source": {"use": "gaussian", "dim": 2},
        "target": Rows(held),
        "objectives": [objective],
        "network": {"use": "mlp", "width": 8, "depth": 1},
        "train": {"steps": 4, "batch": 16, "validation_bins": bins},
    }
    return Trainer(assemble(si.load_recipe(recipe)), si.Runtime())


@pytest.mark.parametrize("bins", [2, 5, 64])
def test_a_loss_that_is_the_time_has_the_middles_of_the_parts(bins):
    trainer = trainer_of(300, Late(), bins)
    trainer.advance()
    record = trainer.record()
    means = record["validation_by_time"]["velocity"]
    # One draw in each of 300 strata: a part differs from its middle by a stratum at each of its ends at most.
    assert means == pytest.approx([(k + 0.5) / bins for k in range(bins)], abs=1 / 300)
    assert record["validation"]["velocity"] == pytest.approx(0.5, abs=1 / 300)


def test_parts_without_rows_are_left_open_and_the_others_make_up_the_whole():
    trainer = trainer_of(7, "velocity", 64)
    trainer.advance()
    record = trainer.record()
    means = record["validation_by_time"]["velocity"]
    known = [mean for mean in means if mean is not None]
    assert len(means) == 64
    assert len(known) <= 7
    assert min(known) <= record["validation"]["velocity"] <= max(known)
    json.dumps(record, allow_nan=False)


def test_training_and_the_rest_of_the_records_are_as_without():
    plain, parts = trainer_of(50, "velocity", None), trainer_of(50, "velocity", 8)
    for _ in range(3):
        plain.advance()
        parts.advance()
    record, other = plain.record(), parts.record()
    assert "validation_by_time" not in record
    assert len(other.pop("validation_by_time")["velocity"]) == 8
    assert other == record
    assert all(torch.equal(a, b) for a, b in zip(plain.parameters, parts.parameters, strict=True))


def test_a_run_shows_it(tmp_path, capsys):
    (tmp_path / "x.csv").write_text("a,b\n" + "".join(f"{i % 7},{i % 5}\n" for i in range(60)))
    (tmp_path / "r.yaml").write_text(
        "target: {use: array, path: x.csv, held_out: 0.2}\nnetwork: {use: mlp, width: 8, depth: 1}\n"
        "source: gaussian\ntrain: {steps: 3, batch: 8, validation_bins: 3}\nreport: false\n"
        "sample: {number: 8, batch: 8, integrator: {use: euler, steps: 2}}\n"
    )
    assert main(["run", str(tmp_path / "r.yaml"), "--out", str(tmp_path / "run")]) == 0
    (record,) = map(json.loads, (tmp_path / "run" / "metrics.jsonl").read_text().splitlines())
    shown = capsys.readouterr().out
    assert f"held out {record['validation']['total']:.4f}" in shown
    means = record["validation_by_time"]["velocity"]
    assert f"velocity on held-out rows by time, from 0 to 1: {' '.join(f'{mean:.3g}' for mean in means)}" in shown
