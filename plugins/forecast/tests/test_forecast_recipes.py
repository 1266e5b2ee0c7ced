"""The recipes of the plugin run from start to end, with a few steps in place of their studies."""

from __future__ import annotations

from pathlib import Path

import pytest

import si_core as si
from si_core.cli.main import main
from si_core.public.runs import read_estimates

for plugin in ("si_networks", "si_integrators", "si_interpolants", "si_objectives", "si_optimizers", "si_report"):
    pytest.importorskip(plugin)

SMALL = ["network.width=8", "network.depth=1", "train.steps=2", "train.batch=8", "sample.number=4", "sample.batch=64"]
QUICK = "[{use: crps, lead: [1, 2], members: 4, starts: 8}, {use: rank-histogram, members: 4, starts: 40, bins: 3}]"
DATA = {
    "forecast-ornstein-uhlenbeck": ["target.rows=40", "target.count=5", "sample.integrator.steps=2"],
    "forecast-lorenz": ["target.rows=40", "target.count=5", "target.substeps=2", "sample.integrator.steps=2"],
    "forecast-stocks": ["sample.integrator.steps=2"],
}


@pytest.mark.parametrize("name", DATA)
def test_recipes_run(name: str, tmp_path: Path) -> None:
    if name == "forecast-stocks":
        pytest.importorskip("matplotlib")
    assert "cost" in si.load_recipe(name).meta
    words = [*SMALL, *DATA[name], f"estimators={QUICK}", "report=false"]
    assert main(["run", name, *words, "--out", str(tmp_path / "run")]) == 0
    crps, ranks = read_estimates(tmp_path / "run" / "estimates.json")
    assert [each["lead"] for each in crps["details"]["by_lead"]] == [1, 2]
    assert crps["details"]["linear"] > 0
    assert ("value_of_data_law" in crps["details"]) == (name != "forecast-stocks")
    assert len(ranks["details"]["by_lead"][0]["heights"]) == 3
