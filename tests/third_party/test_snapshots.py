"""A stranger's coupling whose pairs live on intervals of time: one process through three laws."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import si_core as si
from si_authoring.testing import CouplingConformance
from si_core.cli.main import main

for plugin in ("si_distributions", "si_interpolants", "si_networks", "si_optimizers"):
    pytest.importorskip(plugin)

RECIPE = """\
source: {use: gaussian, dim: 1}
target: {use: gaussian, mean: [-1.0], covariance: [[1.0]]}
coupling: {use: snapshots, mean: 2.0, std: 0.5, at: 0.4}
objectives: [velocity]
network: {use: mlp, width: 64, depth: 3}
train: {steps: 800, batch: 256, log_every: 200}
sample: {number: 2000, epsilon: 0, integrator: {use: heun, steps: 40}}
report: false
"""
SDE = "sample.integrator={use: stochastic-heun, steps: 10}"


@pytest.fixture(autouse=True)
def recipe(wheel, tmp_path, monkeypatch):
    wheel("si-snapshots")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "r.yaml").write_text(RECIPE)
    return tmp_path / "r.yaml"


class TestSnapshots(CouplingConformance):
    @pytest.fixture
    def component(self) -> si.Coupling:
        return si.build("coupling", "snapshots", mean=1.0)


def test_draws_are_those_of_a_pair_on_its_interval(recipe):
    process = si.train(si.load_recipe(recipe, ["train.steps=0"])).process
    draw = process.draw(1000, torch.Generator().manual_seed(0))
    late = torch.arange(1000) % 2 == 1
    assert bool(((draw.t > 0.4) == late).all())
    past = torch.where(late, (draw.t - 0.4) / 0.6, draw.t / 0.4)[:, None]
    assert torch.allclose(draw.xt, (1 - past) * draw.x0 + past * draw.x1, atol=1e-5)
    length = torch.where(late, 0.6, 0.4)[:, None]
    assert torch.allclose(draw.target("velocity"), (draw.x1 - draw.x0) / length, atol=1e-4)


def test_a_run_passes_through_the_snapshot(recipe):
    assert main(["run", "r.yaml", "--out", "run"]) == 0
    x = np.load("run/samples.npy")
    assert x.mean() == pytest.approx(-1.0, abs=0.2)
    assert x.std() == pytest.approx(1.0, abs=0.2)
    model = si.load_model("run")
    path = model.sample(2000, torch.Generator().manual_seed(1), times=[0.4])
    assert float(path.x[1].mean()) == pytest.approx(2.0, abs=0.2)
    assert float(path.x[1].std()) == pytest.approx(0.5, abs=0.15)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (["sample.epsilon=0.3"], "needs the score"),
        (["latent=sine-squared", "sample.epsilon=0.3"], "can't be had from what is learned"),
        (["latent=sine-squared", "objectives=[velocity, score]", "sample.epsilon=gamma"], "no common size of noise"),
    ],
)
def test_what_no_other_field_tells_is_refused(recipe, changes, message):
    with pytest.raises(si.RecipeError, match=message):
        si.train(si.load_recipe(recipe, [*changes, SDE]))


def test_an_sde_has_its_own_score(recipe):
    changes = ["latent=sine-squared", "objectives=[velocity, score]", "sample.epsilon=0.3", "train.steps=2", SDE]
    assert torch.isfinite(si.sample(si.train(si.load_recipe(recipe, changes)), 4)).all()


def test_pairs_and_declaration_must_agree(recipe, monkeypatch):
    coupling = si.build("coupling", "snapshots")
    monkeypatch.setattr(type(coupling), "intervals", False)
    with pytest.raises(si.RecipeError, match="declares no intervals"):
        si.train(si.load_recipe(recipe))
