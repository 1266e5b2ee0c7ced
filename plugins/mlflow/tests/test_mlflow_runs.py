"""What real runs tell MLflow, in a database of their own, read back by its client."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import signal
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

import si_core as si
from si_core.cli.main import main
from si_core.discovery.plugins import reset

mlflow = pytest.importorskip("mlflow")
pytest.importorskip("sqlalchemy")
pytest.importorskip("si_recipes")

RECIPE = """\
title: Two moons
seed: 3
source: {use: gaussian, dim: 2}
target: {use: two-moons}
network: {use: mlp, width: 8, depth: 1}
train: {steps: 12, batch: 16, log_every: 4, checkpoint_every: 4}
sample: {number: 32, batch: 64, integrator: {use: euler, steps: 2}}
estimators: [{use: energy-distance, samples: 32}]
callbacks: {use: mlflow, experiment: moons, tags: {size: small}}
report: false
"""


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The address of a database; it is made once, which takes its time."""
    return f"sqlite:///{tmp_path_factory.mktemp('mlflow') / 'runs.db'}"


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, database: str) -> Callable[..., int]:
    """``run(*words)``: carry the recipe out into the folder ``run``; the exit code."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", database)
    monkeypatch.delenv("SI_PLUGINS", raising=False)
    reset()
    (tmp_path / "r.yaml").write_text(RECIPE, encoding="utf-8")
    return lambda *words: main(["run", "r.yaml", "--out", "run", *words])


def shown() -> Any:
    return mlflow.MlflowClient().get_run(Path("run/mlflow-run.txt").read_text())


def test_a_run_is_told_and_goes_on_after_a_stop(run, monkeypatch):
    from si_mlflow.logger import Logger

    tell = Logger.tell

    def stopping(logger: Logger, event: si.Event) -> None:
        tell(logger, event)
        if (event.name, event.step) == ("step", 4):
            os.kill(os.getpid(), signal.SIGTERM)

    monkeypatch.setattr(Logger, "tell", stopping)
    assert run() == 143
    assert shown().info.status == "KILLED"
    assert "after step 4" in shown().data.tags["message"]
    monkeypatch.setattr(Logger, "tell", tell)
    assert run("--resume") == 0
    found, client = shown(), mlflow.MlflowClient()
    assert (found.info.status, found.info.run_name, found.data.tags["size"]) == ("FINISHED", "Two moons", "small")
    assert client.get_experiment(found.info.experiment_id).name == "moons"
    assert found.data.params["train.steps"] == "12"
    metrics = [json.loads(line) for line in Path("run/metrics.jsonl").read_text().splitlines()]
    history = client.get_metric_history(found.info.run_id, "train/loss")
    assert [(entry.step, entry.value) for entry in history] == [(each["step"], each["loss"]) for each in metrics]
    (estimate,) = json.loads(Path("run/estimates.json").read_text())
    assert found.data.metrics["estimates/energy-distance"] == pytest.approx(estimate["value"])
    kept = {each.path for each in client.list_artifacts(found.info.run_id)}
    assert {"recipe.json", "environment.json", "estimates.json"} <= kept


def test_a_run_that_fails_has_failed(run):
    assert run("train.optimizer.lr=1e30") == 3
    assert shown().info.status == "FAILED"
    assert "not finite" in shown().data.tags["message"]


def test_a_failure_of_the_server_stops_no_run(run, monkeypatch, capsys):
    def broken(*given: Any, **named: Any) -> None:
        raise ConnectionError("no route to the server")

    monkeypatch.setattr(mlflow.MlflowClient, "create_run", broken)
    assert run() == 0
    said = f"callback 'mlflow' of si-mlflow {version('si-mlflow')} failed and is switched off"
    assert capsys.readouterr().err.count(said) == 1
    assert Path("run/samples.npy").exists()


def test_without_mlflow_the_recipe_is_refused_before_the_run(monkeypatch):
    find = importlib.util.find_spec
    absent = {"mlflow"}
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *more: None if name in absent else find(name, *more))
    with pytest.raises(si.UsageError, match=r"pip install 'si-mlflow\[mlflow\]'"):
        si.build("callback", "mlflow")


def test_the_recipe_of_the_readme_is_one(tmp_path):
    (text,) = re.findall(r"```yaml\n(.*?)```", Path(__file__).parents[1].joinpath("README.md").read_text(), re.DOTALL)
    (tmp_path / "r.yaml").write_text(text, encoding="utf-8")
    first, *_ = si.load_recipe(tmp_path / "r.yaml").section("callbacks")
    assert first.qualified == "si-mlflow/mlflow"
