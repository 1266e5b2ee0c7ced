"""Loggers in real runs: what they hear, that they can't hinder a run, and that no secret of theirs is told.

The loggers are strangers' packages with the hook ``si_event``; one is si-tensorboard.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from si_core.cli.main import main
from si_core.discovery.plugins import installed_plugins, reset
from si_core.discovery.redaction import redacted

pytest.importorskip("si_recipes")

RECIPE = """\
title: Two Gaussians
seed: 3
source: {use: gaussian, dim: 2}
target: two-moons
latent: {use: brownian, scale: 1.0}
objectives: [velocity, denoiser]
network: {use: mlp, width: 16, depth: 1}
train: {steps: 16, batch: 32, log_every: 4, checkpoint_every: 8}
sample: {number: 50, integrator: {use: stochastic-heun, steps: 4}, epsilon: 0.5}
estimators: [{use: energy-distance, samples: 64}]
report: false
"""
STOP_AFTER_4 = """
if (event.name, event.step) == ("step", 4):
    import os, signal
    os.kill(os.getpid(), signal.SIGTERM)
"""
RESULTS = ("metrics.jsonl", "model.safetensors", "samples.npy", "estimates.json")


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., int]:
    """``run(*words)``: carry the recipe out into the folder ``run``; the exit code."""
    (tmp_path / "r.yaml").write_text(RECIPE, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return lambda *words: main(["run", "r.yaml", "--out", "run", *words])


@pytest.fixture(scope="module")
def unheard(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """The results of the recipe where nobody listens."""
    folder = tmp_path_factory.mktemp("unheard")
    (folder / "r.yaml").write_text(RECIPE, encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SI_PLUGINS", silent())
        assert main(["run", str(folder / "r.yaml"), "--out", str(folder / "run")]) == 0
    return {name: (folder / "run" / name).read_bytes() for name in RESULTS}


def silent() -> str:
    """``SI_PLUGINS`` for all plugins but the loggers."""
    return ",".join(plugin.name for plugin in installed_plugins() if not plugin.listens)


def heard(name: str) -> list[Any]:
    return sys.modules[f"fake_{name}"].heard


def results() -> dict[str, bytes]:
    return {name: Path("run", name).read_bytes() for name in RESULTS}


def test_a_run_from_its_start_to_its_end(run, logger):
    logger("listener", "pass")
    assert run() == 0
    events = heard("listener")
    kinds = ["started", "step", "step", "checkpoint", "step", "step", "checkpoint", "finished"]
    assert [(event.name, event.step) for event in events] == list(zip(kinds, (0, 4, 8, 8, 12, 16, 16, 16), strict=True))
    assert {event.directory for event in events} == {Path("run")}
    records = [json.loads(line) for line in Path("run/metrics.jsonl").read_text().splitlines()]
    assert [event.values for event in events if event.name == "step"] == records
    started, finished = events[0].values, events[-1].values
    assert started["recipe"]["train"]["optimizer"]["use"] == "si-optimizers/adam"
    assert started["environment"] == json.loads(Path("run/environment.json").read_bytes())
    assert finished["estimates"] == json.loads(Path("run/estimates.json").read_bytes())
    assert set(finished["seconds"]) == {"training", "sampling", "estimation"}
    assert json.dumps([event.values for event in events])


def test_a_run_that_is_stopped_and_one_that_goes_on(run, logger):
    logger("listener", STOP_AFTER_4)
    assert run() == 143
    events = heard("listener")
    assert [(event.name, event.step) for event in events[1:]] == [("step", 4), ("checkpoint", 4), ("interrupted", 4)]
    assert events[-1].values["exit_code"] == 143
    assert "after step 4" in events[-1].values["message"]
    events.clear()
    assert run("--resume") == 0
    assert [(event.name, event.step) for event in events[:2]] == [("started", 4), ("step", 8)]
    assert events[-1].name == "finished"
    events.clear()
    assert run("--resume") == 0
    assert events == []


def test_a_run_that_fails(run, logger):
    logger("listener", "pass")
    assert run("train.optimizer.lr=1e30") == 3
    assert [event.name for event in heard("listener")] == ["started", "failed"]
    end = heard("listener")[-1]
    assert (end.step, end.values["exit_code"]) == (0, 3)
    assert "not finite" in end.values["message"]


@pytest.mark.fault(62)
@pytest.mark.parametrize(
    ("kind", "fault"),
    [
        ("started", "raise OSError('disk full')"),
        ("step", "raise SystemExit(1)"),
        ("checkpoint", "raise OSError('disk full')"),
        ("finished", "raise SystemExit(1)"),
    ],
)
def test_one_that_fails_is_switched_off_with_one_warning(run, logger, unheard, capsys, kind, fault):
    logger("listener", "pass")
    logger("faulty", f"if event.name == {kind!r}: {fault}")
    assert run() == 0
    assert results() == unheard
    log, said = Path("run/log.txt").read_text(), capsys.readouterr().err
    for text in (log, said):
        assert text.count("the logger 'faulty' of si-faulty 1.0 failed and is switched off; the run goes on") == 1
        assert "Traceback" not in text
    assert [event.name for event in heard("faulty")].count(kind) == 1
    assert heard("faulty")[-1].name == kind
    assert heard("listener")[-1].name == "finished"


KEY = "sk-0123456789abcdef"


@pytest.mark.fault(62)
@pytest.mark.parametrize(
    "message",
    [
        "f'401 for {os.environ[\"TRACKER_API_KEY\"]}'",
        "'https://user:PLACE@tracker.example/run can not be reached'",
        '\'refused: {"api_key": "PLACE", "run": 3}\'',
        "'header Authorization: Bearer PLACE'",
        "'https://tracker.example/log?token=PLACE&run=3: no route'",
    ],
)
def test_no_secret_of_one_that_fails_is_told(run, logger, monkeypatch, capsys, message):
    monkeypatch.setenv("TRACKER_API_KEY", KEY)
    logger("tracker", f"import os\nraise ConnectionError({message.replace('PLACE', KEY)})")
    assert run("train.steps=4") == 0
    said = capsys.readouterr()
    assert "ConnectionError" in said.err
    assert "***" in said.err
    for text in (said.out, said.err, *(path.read_text(errors="replace") for path in Path("run").glob("*.*"))):
        assert KEY not in text


def test_a_message_without_a_secret_is_told_as_it_is(monkeypatch):
    monkeypatch.setenv("SHORT_TOKEN", "on")
    for text in (
        "OSError: [Errno 28] No space left on device: 'run/tensorboard' (/x/logger.py:3)",
        "KeyError: 'estimates'",
        "ConnectionError: https://tracker.example:8080/path?run=3 timed out",
        "a monkey on a bearer of news",
    ):
        assert redacted(text) == text


def test_what_one_does_to_its_event_nobody_sees(run, logger, unheard):
    logger("a", "event.values.get('losses', {}).clear(); event.values.clear()")
    logger("b", "pass")
    assert run() == 0
    assert results() == unheard
    assert all(event.values for event in heard("b"))


@pytest.mark.fault(67)
def test_what_one_does_to_the_process_is_put_back_and_told_once(run, logger, unheard, capsys):
    logger("careless", "import torch, os\nif event.step == 8: torch.set_default_dtype(torch.float64); os.chdir('/')")
    assert run() == 0
    assert results() == unheard
    assert [event.step for event in heard("careless")].count(8) == 2
    changed = "the logger 'careless' of si-careless 1.0 changed the current directory, the default dtype; that is put"
    assert capsys.readouterr().err.count(changed) == 1


def test_a_run_of_its_own_process_goes_on_without_its_logger(command, logger, tmp_path):
    (tmp_path / "r.yaml").write_text(RECIPE, encoding="utf-8")
    site = logger("tracker", "import os\nraise ConnectionError('no network for ' + os.environ['TRACKER_API_KEY'])")
    done = command("run", "r.yaml", "--out", "run", site=site, TRACKER_API_KEY=KEY)
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("ConnectionError: no network for ***") == 1
    assert KEY not in done.stdout + done.stderr + (tmp_path / "run" / "log.txt").read_text()


@pytest.fixture
def tensorboard(monkeypatch: pytest.MonkeyPatch) -> Callable[[Path], Any]:
    """``tensorboard(run)``: TensorBoard's reader of a run's folder."""
    pytest.importorskip("si_tensorboard")
    accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    monkeypatch.delenv("SI_PLUGINS", raising=False)
    reset()
    return lambda run: accumulator.EventAccumulator(str(run / "tensorboard"), {"scalars": 0, "tensors": 0}).Reload()


def test_tensorboard_shows_the_metrics_of_a_run(run, tensorboard, unheard):
    assert run() == 0
    assert results() == unheard
    reader = tensorboard(Path("run"))
    records = [json.loads(line) for line in Path("run/metrics.jsonl").read_text().splitlines()]
    for tag, value in (
        ("train/loss", lambda record: record["loss"]),
        ("train/losses/velocity", lambda record: record["losses"]["velocity"]),
        ("train/losses/denoiser", lambda record: record["losses"]["denoiser"]),
        ("train/grad_norm", lambda record: record["grad_norm"]),
        ("train/lr", lambda record: record["lr"]),
    ):
        found = [(entry.step, entry.value) for entry in reader.Scalars(tag)]
        assert found == [(record["step"], pytest.approx(value(record), rel=1e-6)) for record in records]
    (estimate,) = json.loads(Path("run/estimates.json").read_bytes())
    assert reader.Scalars("estimates/energy-distance")[0].value == pytest.approx(estimate["value"], rel=1e-6)
    assert b"train.steps" in reader.Tensors("recipe/text_summary")[0].tensor_proto.string_val[0]


def test_tensorboard_goes_on_with_a_run(run, tensorboard, logger):
    logger("stopper", STOP_AFTER_4)
    assert run() == 143
    assert run("--resume") == 0
    reader = tensorboard(Path("run"))
    assert [entry.step for entry in reader.Scalars("train/loss")] == [4, 8, 12, 16]
    assert b"interrupted" in reader.Tensors("end/text_summary")[0].tensor_proto.string_val[0]
    assert len(list(Path("run/tensorboard").iterdir())) == 2


def test_tensorboard_keeps_the_runs_of_a_sweep_apart(run, tensorboard):
    assert main(["sweep", "r.yaml", "--out", "sweep", "latent.scale=0.5,2", "train.steps=4"]) == 0
    folders = sorted(path.parent for path in Path("sweep").rglob("tensorboard"))
    assert len(folders) == 2
    losses = [tensorboard(folder).Scalars("train/loss") for folder in folders]
    assert [len(entries) for entries in losses] == [1, 1]
    assert losses[0][0].value != losses[1][0].value


@pytest.mark.fault(62)
def test_tensorboard_on_a_full_disk_is_one_warning(run, tensorboard, monkeypatch, unheard, capsys):
    from torch.utils.tensorboard import SummaryWriter

    def full(self: SummaryWriter, *given: object, **named: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(SummaryWriter, "add_scalar", full)
    assert run() == 0
    assert results() == unheard
    assert capsys.readouterr().err.count("the logger 'tensorboard' of si-tensorboard") == 1


def test_tensorboard_is_switched_off_by_naming_the_others(run, tensorboard, monkeypatch):
    monkeypatch.setenv("SI_PLUGINS", silent())
    assert run("train.steps=4") == 0
    assert not Path("run/tensorboard").exists()
