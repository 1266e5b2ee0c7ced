"""A stranger's energy and weighted coupling: learning a law that nobody can draw from."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch

import si_core as si
from si_authoring.testing import CouplingConformance, DistributionConformance
from si_core.cli.main import main

for plugin in ("si_distributions", "si_estimators", "si_interpolants", "si_networks", "si_optimizers"):
    pytest.importorskip(plugin)

RECIPE = """\
source: {use: gaussian, dim: 1}
target: {use: two-wells, tilt: 0.5}
coupling: proposals
objectives: [velocity]
network: {use: mlp, width: 32, depth: 3}
train: {steps: 600, batch: 512, log_every: 200}
sample: {number: 4000, epsilon: 0, integrator: {use: heun, steps: 20}}
report: false
"""


@pytest.fixture(autouse=True)
def recipe(wheel, tmp_path, monkeypatch):
    wheel("si-wells")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "r.yaml").write_text(RECIPE)
    return tmp_path / "r.yaml"


def moments():
    """Of the energy, by quadrature: mean, variance, and the fraction in the right well."""
    x = np.linspace(-3, 3, 6001)
    p = np.exp(0.5 * x - 2 * (x**2 - 1) ** 2)
    p /= p.sum()
    mean = float((p * x).sum())
    return mean, float((p * (x - mean) ** 2).sum()), float(p[x > 0].sum())


class TestTwoWells(DistributionConformance):
    @pytest.fixture
    def component(self) -> si.Distribution:
        return si.build("distribution", "two-wells")


class TestProposals(CouplingConformance):
    @pytest.fixture
    def component(self) -> si.Coupling:
        return si.build("coupling", "proposals")


def test_a_run_learns_the_energy_from_weighted_pairs(recipe, capsys):
    assert main(["run", "r.yaml", "--out", "run"]) == 0, capsys.readouterr().err
    x = np.load("run/samples.npy")[:, 0]
    mean, variance, right = moments()
    assert x.mean() == pytest.approx(mean, abs=0.12)
    assert x.var() == pytest.approx(variance, abs=0.15)
    assert (x > 0).mean() == pytest.approx(right, abs=0.06)
    # What the weights leave out is another law: the proposals' own.
    proposals = si.load_model("run").process.pairs(4000, torch.Generator().manual_seed(0)).x1
    assert abs(float(proposals.mean()) - mean) > 0.3
    assert json.loads((recipe.parent / "run" / "STATUS.json").read_text())["state"] == "finished"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("coupling=independent", "can't be drawn from: it has a density alone"),
        ("estimators=[energy-distance]", "measures on points of the target, an energy"),
        ("estimators=[log-likelihood]", "measures on points of the target, an energy"),
        ("estimators=[{use: log-likelihood, direction: source}]", "none that is normalised"),
    ],
)
def test_what_needs_draws_or_a_normalised_density_is_refused_before_training(recipe, change, message, capsys):
    assert main(["run", "r.yaml", change, "--out", "refused"]) == 2
    assert message in capsys.readouterr().err
    assert not (recipe.parent / "refused").exists()


def test_points_that_are_given_can_be_measured(recipe):
    model = si.train(si.load_recipe(recipe, ["train.steps=0"]))
    assert np.isfinite(si.estimate(model, "log-likelihood", torch.randn(20, 1)).value)
    with pytest.raises(si.UsageError, match="data="):
        si.estimate(model, "energy-distance")
