"""What real runs tell wandb, offline, read back from its own files."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import signal
from importlib.metadata import version
from pathlib import Path

import pytest

import si_core as si

wandb = pytest.importorskip("wandb")
pytest.importorskip("si_recipes")


def test_a_run_is_told_and_goes_on_after_a_stop(run, told, monkeypatch):
    from si_wandb.logger import Logger

    tell = Logger.tell

    def stopping(logger, event):
        tell(logger, event)
        if (event.name, event.step) == ("step", 4):
            os.kill(os.getpid(), signal.SIGTERM)

    monkeypatch.setattr(Logger, "tell", stopping)
    assert run() == 143
    assert told().summary()["end"] == "interrupted"
    monkeypatch.setattr(Logger, "tell", tell)
    assert run("--resume") == 0
    found = told()
    begun = found.runs()
    assert {each.run_id for each in begun} == {Path("run/wandb/run-id.txt").read_text()}
    assert {(each.project, each.display_name, tuple(each.tags)) for each in begun} == {
        ("moons", "Two moons", ("small",))
    }
    metrics = [json.loads(line) for line in Path("run/metrics.jsonl").read_text().splitlines()]
    rows = [row for row in found.history() if "train/loss" in row]
    assert [row["step"] for row in rows] == [4, 8, 12]
    assert [row["train/loss"] for row in rows] == [record["loss"] for record in metrics]
    (estimate,) = json.loads(Path("run/estimates.json").read_text())
    assert found.summary()["estimates/energy-distance"] == pytest.approx(estimate["value"])
    config = {item.key: json.loads(item.value_json) for each in begun for item in each.config.update}
    assert config["recipe"]["train"]["steps"] == 12


def test_pictures_of_samples_are_sent(run, told):
    pytest.importorskip("matplotlib")
    assert run(callbacks="{use: sample-pictures, every: 4, number: 8}") == 0
    tags = {key for row in told().history() for key in row if key.startswith("pictures/")}
    assert {tag.split(".")[0] for tag in tags} == {f"pictures/step-{step:08d}" for step in (4, 8, 12)}


@pytest.mark.parametrize("place", ["init", "finish"])
def test_a_failure_stops_no_run(run, monkeypatch, capsys, place):
    def broken(*given, **named):
        raise ConnectionError("no route to the server")

    monkeypatch.setattr(wandb if place == "init" else wandb.sdk.wandb_run.Run, place, broken)
    assert run() == 0
    said = f"callback 'wandb' of si-wandb {version('si-wandb')} failed and is switched off"
    assert capsys.readouterr().err.count(said) == 1
    assert Path("run/samples.npy").exists()


def test_without_a_key_nobody_is_asked_for_one(run, monkeypatch, tmp_path, capsys):
    monkeypatch.setenv("WANDB_MODE", "online")
    for name in ("HOME", "NETRC"):
        monkeypatch.setenv(name, str(tmp_path / "nobody"))
    monkeypatch.delenv("WANDB_API_KEY", raising=False)
    assert run() == 0
    assert "there is no key for the service" in capsys.readouterr().err


def test_a_recipe_that_does_not_ask_is_not_told(run):
    assert run("callbacks=[]") == 0
    assert not Path("run/wandb").exists()


def test_without_wandb_the_recipe_is_refused_before_the_run(monkeypatch):
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *more: None if name == "wandb" else find(name, *more))
    with pytest.raises(si.UsageError, match=r"pip install 'si-wandb\[wandb\]'"):
        si.build("callback", "wandb")


def test_the_recipe_of_the_readme_is_one(tmp_path):
    (text,) = re.findall(r"```yaml\n(.*?)```", Path(__file__).parents[1].joinpath("README.md").read_text(), re.DOTALL)
    (tmp_path / "r.yaml").write_text(text, encoding="utf-8")
    first, *_ = si.load_recipe(tmp_path / "r.yaml").section("callbacks")
    assert first.qualified == "si-wandb/wandb"
