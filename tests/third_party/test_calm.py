"""A stranger's kind of part: its section in recipes, what `si` knows of it, and that it takes part in runs."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

import si_core as si
from si_core.cli.main import main

for plugin in ("si_recipes", "si_optimizers"):
    pytest.importorskip(plugin)

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
def calm(wheel: Callable[[str], None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wheel("si-calm")
    monkeypatch.chdir(tmp_path)
    Path("r.yaml").write_text(RECIPE)


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


def test_its_command_is_one_of_si(capsys):
    assert main(["run", "r.yaml", "moderators=null", "--out", "run"]) == 0
    capsys.readouterr()
    assert main(["calm", "run", "--enough", "1e9"]) == 0
    assert capsys.readouterr().out == "calm from step 5 on\n"
    assert main(["calm", "run", "--enough", "-1"]) == 1
    assert main(["calm", "elsewhere"]) == 4
    assert main(["--help"]) == 0
    assert "say at which step a run was calm" in capsys.readouterr().out


def test_its_kind_brings_its_checks(capsys):
    pytest.importorskip("si_authoring")
    from si_authoring.testing import check_component

    calm = {result.check: result.state for result in check_component("moderator", si.build("moderator", "gentle"))}
    assert calm["calm-at-zero"] == "holds"
    assert "violated" not in calm.values()
    restless = si.build("moderator", "gentle", enough=-1.0)
    found = {result.check: result.state for result in check_component("moderator", restless)}
    assert found["calm-at-zero"] == "violated"
