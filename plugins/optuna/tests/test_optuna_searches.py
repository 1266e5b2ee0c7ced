"""Searches with the real Optuna: trials are runs, and a search that is stopped goes on as if nothing had been."""

from __future__ import annotations

import csv
import json
import os
import re
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import si_core as si
from si_core.cli.main import main
from si_core.discovery.plugins import reset

optuna = pytest.importorskip("optuna")
pytest.importorskip("si_recipes")

from si_optuna import search as searching  # noqa: E402
from si_optuna.dimensions import Range, from_arguments  # noqa: E402
from si_optuna.plan import plan_search  # noqa: E402

RECIPE = """\
title: Two moons
seed: 3
source: {use: gaussian, dim: 2}
target: {use: two-moons}
network: {use: mlp, width: 4, depth: 1}
train: {steps: 2, batch: 8}
sample: {number: 16, batch: 64, integrator: {use: euler, steps: 1}}
estimators: [{use: energy-distance, samples: 16}]
report: false
"""
KEYS = ("train.optimizer.lr={low: 1e-4, high: 1e-1, log: true}", "network.width=4,8")


@pytest.fixture
def search(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., int]:
    """``search(*words, out=)``: carry a search of the recipe out; the exit code."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("SI_PLUGINS", raising=False)
    reset()
    (tmp_path / "r.yaml").write_text(RECIPE, encoding="utf-8")
    return lambda *words, out="s": main(["search", "r.yaml", "--out", out, *words])


def rows(out: str = "s") -> list[dict[str, str]]:
    with open(Path(out, "results.csv"), newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_trials_are_runs_and_the_best_one_is_a_recipe(search, capsys):
    assert search(*KEYS, "latent=none,{use: brownian, scale: 2}", "--trials", "2", "--maximise", "energy-distance") == 0
    found = rows()
    assert [row["state"] for row in found] == ["finished"] * 2
    for row in found:
        run = Path("s", row["folder"])
        recipe = si.load_recipe(run / "resolved.yaml").resolved()
        assert recipe["train"]["optimizer"]["lr"] == float(row["train.optimizer.lr"])
        assert 1e-4 <= float(row["train.optimizer.lr"]) <= 1e-1
        assert recipe["network"]["width"] == int(row["network.width"])
        assert "search" not in recipe
        (estimate,) = json.loads((run / "estimates.json").read_text())
        assert estimate["value"] == float(row["energy-distance"])
    best = max(found, key=lambda row: float(row["energy-distance"]))
    assert si.load_recipe("s/best.yaml").hash() == si.load_recipe(Path("s", best["folder"], "resolved.yaml")).hash()
    assert "energy-distance" in capsys.readouterr().out
    assert json.loads(Path("s/STATUS.json").read_text())["state"] == "finished"
    # Optuna's own tools read the record.
    backend = optuna.storages.journal.JournalFileBackend("s/study.log")
    study = optuna.load_study(study_name="search", storage=optuna.storages.JournalStorage(backend))
    assert study.direction == optuna.study.StudyDirection.MAXIMIZE
    assert study.best_value == float(best["energy-distance"])
    assert [trial.params["network.width"] for trial in study.trials] == [row["network.width"] for row in found]


def test_one_that_is_stopped_goes_on_to_the_same_trials(search, monkeypatch, capsys):
    assert search(*KEYS, "--trials", "2", out="whole") == 0
    start = searching.start_run

    def stopping(recipe, **more):
        os.kill(os.getpid(), signal.SIGTERM)
        return start(recipe, **more)

    monkeypatch.setattr(searching, "start_run", stopping)
    assert search(*KEYS, "--trials", "1") == 143
    monkeypatch.setattr(searching, "start_run", start)
    assert json.loads(Path("s/STATUS.json").read_text())["state"] == "interrupted"
    # To more trials than were asked for first.
    assert main(["search", "s/search.yaml", "--resume", "--out", "s", "--trials", "2"]) == 0
    assert rows() == rows("whole")
    assert search("network.width=4,16", "--trials", "3", "--resume") == si.RecipeError.code
    assert "the search in this folder is another one" in capsys.readouterr().err


def test_a_trial_that_fails_is_told_and_the_others_go_on(search):
    # A rate of 1e30 breaks training down.
    assert search("train.optimizer.lr=1e30,1e-3", "--sampler", "random", "--trials", "2") == 0
    states = {float(row["train.optimizer.lr"]): (row["state"], bool(row["message"])) for row in rows()}
    assert states == {1e30: ("failed", True), 1e-3: ("finished", False)}
    assert si.load_recipe("s/best.yaml").resolved()["train"]["optimizer"]["lr"] == 1e-3


def test_a_recipe_holds_its_search_and_is_not_one_run(search, capsys):
    Path("x.csv").write_text("a,b\n" + "\n".join(f"{i % 7},{i % 5}" for i in range(60)), encoding="utf-8")
    changed = {"{use: two-moons}": "{use: array, path: x.csv}", "[{use: energy-distance, samples: 16}]": "[]"}
    section = "search: {minimise: validation, trials: 1, keys: {network.width: {low: 4, high: 8, step: 4}}}\n"
    text = RECIPE + section
    for old, new in changed.items():
        text = text.replace(old, new)
    Path("r.yaml").write_text(text, encoding="utf-8")
    assert main(["run", "r.yaml", "--out", "run"]) == si.RecipeError.code
    assert "this recipe is a search" in capsys.readouterr().err
    assert not Path("run").exists()
    assert search() == 0
    (row,) = rows()
    assert row["network.width"] in ("4", "8")
    record = json.loads(Path("s/trials/0000/metrics.jsonl").read_text().splitlines()[-1])
    assert float(row["validation"]) == record["validation"]["total"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ((), "a search needs a key that changes"),
        (("network.width={low: 8}",), "'network.width' has a range that is none"),
        (("network.width={low: 8, high: 4}",), "has a range that is none"),
        (("train.optimizer.lr={low: 0, high: 1.0, log: true}",), "orders of magnitude"),
        (("network.widht=4,8",), "widht"),
        (("network.width={low: -4, high: 8}",), "width"),
        (("network.width=4,4",), "stands twice"),
        (("search.trials=1,2",), "keys of one run"),
        (("network.width=4,8", "--minimise", "mmd"), "no estimator has this name"),
        (("network.width=4,8", "--trials", "0"), "out of range"),
    ],
)
def test_what_is_no_search_is_told_before_it_begins(search, capsys, words, message):
    assert search(*words) != 0
    assert re.search(message, capsys.readouterr().err)
    assert not Path("s").exists()


def test_ranges_are_of_whole_numbers_where_both_ends_are():
    whole, grid, broken = from_arguments(
        ["a={low: 1, high: 9}", "b={low: 2, high: 8, step: 3}", "c={low: 1, high: 9.0}"]
    )
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    drawn = [[one.suggest(trial) for one in (whole, grid, broken)] for trial in (study.ask() for _ in range(20))]
    assert all(isinstance(a, int) and 1 <= a <= 9 for a, _, _ in drawn)
    assert {b for _, b, _ in drawn} == {2, 5, 8}
    assert all(isinstance(c, float) and 1 <= c <= 9 for _, _, c in drawn)
    assert isinstance(whole.values, Range)


def test_without_optuna_the_fix_is_told(search, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "optuna", None)
    assert search("network.width=4,8") == si.UsageError.code
    assert "pip install 'si-optuna[optuna]'" in capsys.readouterr().err
    assert plan_search(si.load_recipe("r.yaml"), ["network.width=4,8"]).trials == 20


def test_the_recipe_of_the_readme_is_a_search(tmp_path):
    (text,) = re.findall(r"```yaml\n(.*?)```", Path(__file__).parents[1].joinpath("README.md").read_text(), re.DOTALL)
    (tmp_path / "r.yaml").write_text(text, encoding="utf-8")
    plan = plan_search(si.load_recipe(tmp_path / "r.yaml"))
    assert [one.key for one in plan.dimensions] == ["train.optimizer.lr", "network.width", "latent"]
    assert (plan.goal.name, plan.trials) == ("energy-distance", 20)
