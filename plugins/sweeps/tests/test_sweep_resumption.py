"""A sweep that was stopped goes on with what is left, and ends with the same results."""

from __future__ import annotations

import contextlib
import importlib
import json
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from si_core.cli.main import main

from .conftest import RECIPE

AXES = ("latent.scale=1,2", "sample.epsilon=0.1,1")


@pytest.fixture(scope="module")
def unstopped(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a sweep that nothing stopped; for all tests, so it is to be copied."""
    place = tmp_path_factory.mktemp("unstopped")
    (place / "r.yaml").write_text(RECIPE, encoding="utf-8")
    with contextlib.chdir(place):
        assert main(["sweep", "r.yaml", *AXES, "--out", "whole"]) == 0
    return place / "whole"


@pytest.fixture
def whole(unstopped: Path, write: Any) -> Path:
    """A sweep that nothing stopped, in the working directory beside its recipe."""
    write()
    return Path(shutil.copytree(unstopped, "whole"))


def same(one: Path, other: Path, content: Any) -> None:
    """Both have the same points, but for checkpoints: a second start may leave others."""
    for index in range(4):
        left, right = (content(sweep / "points" / f"{index:03d}") for sweep in (one, other))
        left, right = (
            {name: data for name, data in files.items() if not name.startswith("checkpoints/")}
            for files in (left, right)
        )
        assert left == right


@pytest.mark.parametrize(("name", "code"), [("SIGINT", 130), ("SIGTERM", 143)])
@pytest.mark.parametrize("step", [7, pytest.param(12, marks=pytest.mark.slow), 13])
def test_a_signal_in_training_stops_cleanly_and_the_rest_follows(
    si: Any,
    write: Any,
    whole: Path,
    outcome: Any,
    content: Any,
    trained_steps: list[int],
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    code: int,
    step: int,
) -> None:
    from si_core.training.trainer import Trainer

    before, advance = len(trained_steps), Trainer.advance

    def advanced(self: Trainer) -> None:
        advance(self)
        if len(trained_steps) - before == step:
            signal.raise_signal(signal.Signals[name])

    monkeypatch.setattr(Trainer, "advance", advanced)
    assert si("sweep", "r.yaml", *AXES, "--out", "out") == code
    status = json.loads(Path("out/STATUS.json").read_bytes())
    assert (status["state"], status["exit_code"]) == ("interrupted", code)
    ended = 2 if step > 12 else 0
    assert [row["state"] for row in outcome(Path("out"))] == ["finished"] * ended + ["pending"] * (4 - ended)
    assert "si sweep out/sweep.yaml --resume --out out" in Path("out/log.txt").read_text(encoding="utf-8")
    assert si("sweep", "r.yaml", *AXES, "--resume", "--out", "out") == 0
    # Not a step is done twice.
    assert len(trained_steps) - before == 24
    assert outcome(Path("out")) == outcome(whole)
    same(Path("out"), whole, content)


@pytest.mark.parametrize("stage", ["sample_into", "measure_into"])
def test_a_signal_after_training_stops_at_once(
    si: Any, write: Any, whole: Path, outcome: Any, monkeypatch: pytest.MonkeyPatch, stage: str
) -> None:
    from si_core.runs import carry_out

    begin, calls = getattr(carry_out, stage), 0

    def begun(*arguments: Any, **settings: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == 2:
            signal.raise_signal(signal.SIGTERM)
        return begin(*arguments, **settings)

    monkeypatch.setattr(carry_out, stage, begun)
    assert si("sweep", "r.yaml", *AXES, "--out", "out") == 143
    assert [row["state"] for row in outcome(Path("out"))] == ["finished", "pending", "pending", "pending"]
    assert si("sweep", "out/sweep.yaml", "--resume", "--out", "out") == 0
    assert outcome(Path("out")) == outcome(whole)


@pytest.mark.parametrize(("module", "name"), [("si_core.runs.watching", "emit"), ("si_sweeps.points", "finished")])
def test_a_signal_at_the_very_end_of_a_point_is_not_lost(
    si: Any, write: Any, outcome: Any, monkeypatch: pytest.MonkeyPatch, module: str, name: str
) -> None:
    last = getattr(importlib.import_module(module), name)

    def signalled(*arguments: Any) -> Any:
        if getattr(arguments[0], "name", "finished") == "finished":
            signal.raise_signal(signal.SIGTERM)
        return last(*arguments)

    monkeypatch.setattr(f"{module}.{name}", signalled)
    assert si("sweep", write(), *AXES, "--out", "out") == 143
    assert [row["state"] for row in outcome(Path("out"))] == ["finished", "pending", "pending", "pending"]


KILL = """
import os, signal, sys
from si_core.storage.faults import set_fault_hook
from si_core.cli.main import main
folder, left = sys.argv[1], int(sys.argv[2])
def hook(name):
    # Moments of writes for the second point, whose training is that of the first one.
    global left
    if os.path.isdir(folder):
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
set_fault_hook(hook)
sys.exit(main(sys.argv[3:]))
"""


@pytest.mark.parametrize("moment", [*(pytest.param(n, marks=pytest.mark.slow) for n in (1, 6, 19, 23, 30)), 14])
def test_a_kill_while_a_training_is_taken_over_costs_nothing(
    si: Any, write: Any, whole: Path, outcome: Any, content: Any, trained_steps: list[int], moment: int
) -> None:
    words = ["sweep", "r.yaml", *AXES, "--out", "out"]
    killed = subprocess.run([sys.executable, "-c", KILL, "out/points/001", str(moment), *words], capture_output=True)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    before = len(trained_steps)
    assert si(*words, "--resume") == 0
    # The training of the second scale is all that was left to do.
    assert len(trained_steps) - before == 12
    assert outcome(Path("out")) == outcome(whole)
    same(Path("out"), whole, content)
    assert not [path for path in Path("out").rglob("*") if ".tmp-" in path.name]


def test_a_finished_sweep_stays_as_it_is(si: Any, whole: Path, table: Any, trained_steps: list[int]) -> None:
    rows = table(whole)
    assert si("sweep", "r.yaml", *AXES, "--resume", "--out", "whole") == 0
    assert trained_steps == []
    assert table(whole) == rows


def test_lost_or_damaged_results_are_gathered_from_the_points(si: Any, whole: Path, outcome: Any) -> None:
    rows = outcome(whole)
    for damage in (b"", b"[]", b"[1, 2", b'{"a": 1}'):
        (whole / "results.json").write_bytes(damage)
        (whole / "results.csv").unlink()
        assert si("sweep", "r.yaml", *AXES, "--resume", "--out", "whole") == 0
        assert outcome(whole) == rows


def test_the_newest_sweep_of_a_recipe_is_found(si: Any, write: Any) -> None:
    assert si("sweep", write(), "train.steps=1,2") == 0
    (folder,) = Path("runs/r-sweep").iterdir()
    (folder / "points/001/samples.npy").unlink()
    assert si("sweep", "r.yaml", "train.steps=1,2", "--resume") == 0
    assert (folder / "points/001/samples.npy").is_file()
    assert len(list(Path("runs/r-sweep").iterdir())) == 1


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["latent.scale=1,3", "sample.epsilon=0.1,1"], "sweep.latent.scale.1: 2 -> 3"),
        (["latent.scale=1,2"], "sweep.sample.epsilon"),
        (["sample.epsilon=0.1,1", "latent.scale=1,2"], "the order of the axes"),
        ([*AXES, "seed=3"], "sweep.seed"),
    ],
)
def test_another_sweep_does_not_go_on_in_this_folder(
    si: Any, whole: Path, content: Any, capsys: pytest.CaptureFixture[str], words: list[str], said: str
) -> None:
    before = content(whole)
    assert si("sweep", "r.yaml", *words, "--resume", "--out", "whole") == 2
    message = capsys.readouterr().err
    assert said in message
    assert "si sweep whole/sweep.yaml --resume --out whole" in message
    assert content(whole) == before


def test_a_sweep_that_another_process_has_is_left_alone(
    si: Any, whole: Path, content: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    from si_core.storage.lock import RunLock

    before = content(whole)
    with RunLock(whole / ".lock"):
        assert si("sweep", "r.yaml", *AXES, "--resume", "--out", "whole") == 4
    assert "owns" in capsys.readouterr().err
    assert content(whole) == before
