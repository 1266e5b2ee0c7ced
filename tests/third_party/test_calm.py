"""A stranger's kind of part: its section in recipes, what `si` knows of it, and that it takes part in runs."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

import si_core as si
from si_core.cli.main import main
from si_core.discovery.plugins import reset

for plugin in ("si_recipes", "si_optimizers"):
    pytest.importorskip(plugin)

CALM = Path(__file__).parent / "si-calm" / "src"
RECIPE = """\
source: {use: gaussian, dim: 2}
target: two-moons
network: {use: mlp, width: 8, depth: 1}
train: {steps: 20, batch: 16, log_every: 5}
sample: {number: 8, integrator: {use: euler, steps: 2}}
report: false
moderators: [{enough: 1.0e9}]
"""


@pytest.fixture(autouse=True)
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    info = tmp_path / "site" / "si_calm-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: si-calm\nVersion: 1.0\nRequires-Dist: si-core>=0.2,<0.3\n"
    )
    (info / "entry_points.txt").write_text("[si_core.plugins]\ncalm = si_calm.plugin\n")
    monkeypatch.syspath_prepend(str(CALM))
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    monkeypatch.delenv("SI_PLUGINS", raising=False)
    monkeypatch.chdir(tmp_path)
    Path("r.yaml").write_text(RECIPE)
    reset()
    yield
    reset()
    for name in [name for name in sys.modules if name.partition(".")[0] == "si_calm"]:
        del sys.modules[name]


def test_the_section_is_part_of_recipes(capsys):
    recipe = si.load_recipe("r.yaml")
    assert [(each.kind, each.name) for each in recipe.section("moderators")] == [("moderator", "gentle")]
    assert recipe.resolved()["moderators"] == [{"use": "si-calm/gentle", "enough": 1e9}]
    assert "moderators" not in si.load_recipe("r.yaml", ["moderators=null"]).resolved()
    with pytest.raises(si.RecipeError, match="did you mean 'enough'"):
        si.load_recipe("r.yaml", ["moderators={enuogh: 1}"])
    assert main(["schema"]) == 0
    assert "moderators" in json.loads(capsys.readouterr().out)["properties"]
    assert main(["list", "moderator"]) == 0
    assert "gentle" in capsys.readouterr().out
    assert main(["show", "moderator", "gentle"]) == 0
    assert "enough" in capsys.readouterr().out


def test_it_ends_the_training_of_a_run():
    assert main(["run", "r.yaml", "--out", "run"]) == 0
    assert json.loads(Path("run/STATUS.json").read_bytes())["step"] == 5


def test_one_that_raises_stops_the_run_in_its_own_name(monkeypatch):
    gentle = type(si.build("moderator", "gentle"))
    monkeypatch.setattr(gentle, "after_step", lambda self, run: 1 / 0)
    with pytest.raises(si.PluginError, match="'gentle' of si-calm") as caught:
        si.train(si.load_recipe("r.yaml"))
    assert "after_step failed" in str(caught.value)
