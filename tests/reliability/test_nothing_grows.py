"""Again and again in one process, and in many: memory, open files, threads and temporary files stay as they are."""

from __future__ import annotations

import contextlib
import io
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

import si_core as si_
from si_core.cli.main import main

from ..cli.conftest import RECIPE
from .resources import counts, held, measured

pytestmark = pytest.mark.skipif(not Path("/proc/self/statm").is_file(), reason="there is no /proc to count in")

Act = Callable[[int], object]
LEAK = 1.0
"""KiB a call. The smallest thing that a call could leave behind and that matters, a tensor with its storage, takes
about one; a command leaves more."""
SLACK = 1024.0
"""KiB by which medians of quarters may differ at any number of calls: allocators return memory by blocks."""
SECONDS = float(os.environ.get("SI_TEST_GROWTH_SECONDS", "150"))
"""For each activity of the long version, of which there are ten."""


@pytest.fixture(scope="module")
def home(finished: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with a finished run, a recipe and data, which is where the test is; temporary files have one below."""
    folder = tmp_path_factory.mktemp("grows")
    shutil.copytree(finished, folder / "run")
    (folder / "r.yaml").write_text(RECIPE, encoding="utf-8")
    np.savetxt(
        folder / "x.csv", np.random.default_rng(0).normal(size=(64, 2)), delimiter=",", header="a,b", comments=""
    )
    (folder / "tmp").mkdir()
    with contextlib.chdir(folder), pytest.MonkeyPatch.context() as patch:
        patch.setattr(tempfile, "tempdir", str(folder / "tmp"))
        yield folder


def _command(*words: object) -> None:
    out = io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
        code = main([str(word) for word in words])
    assert code == 0, out.getvalue()


def _run(number: int) -> None:
    _command("run", "r.yaml", f"seed={number}", "--out", "new", "train.steps=6")
    _command("run", "r.yaml", f"seed={number}", "--out", "new", "train.steps=6", "--resume")
    shutil.rmtree("new")


def _refused(number: int) -> None:
    """What fails must leave nothing behind either."""
    out = io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
        assert main(["run", "r.yaml", f"train.step={number}"]) == 2
        assert main(["sample", "nowhere"]) == 4
        assert main(["estimate", "run", "energy-distance", "--data", "r.yaml"]) == 3


def _commands(number: int) -> None:
    _command("sample", "run", "-n", 4, "--out", "s.npy", "--seed", number)
    _command("estimate", "run", "energy-distance", "--data", "x.csv")
    _command("validate", "r.yaml", "--build")
    _command("compare", "run", "run")
    _command("list")


def _training(number: int) -> None:
    model = si_.train(si_.load_recipe("r.yaml", {"seed": number, "train.steps": 4}))
    si_.sample(model, 8)


def _fitting(number: int) -> None:
    fitted = si_.fit(np.random.default_rng(number).normal(size=(32, 2)), steps=3)
    fitted.sample(4)


@pytest.fixture(scope="module")
def activities(home: Path) -> dict[str, Act]:
    model = si_.load_model("run")
    fitted = si_.fit(np.random.default_rng(0).normal(size=(64, 2)), steps=3)
    x = fitted.sample(8)
    return {
        "samples": lambda i: si_.sample(model, 16, seed=i),
        "an SDE": lambda i: si_.sample(model, 16, seed=i, epsilon=0.1 + 0.1 * (i % 7)),
        "estimates": lambda i: si_.estimate(model, si_.build("estimator", "energy-distance", samples=32), seed=i),
        "densities": lambda i: fitted.log_prob(x),
        "trainings": _training,
        "fits": _fitting,
        "models": lambda i: si_.load_model("run"),
        "a run, twice": _run,
        "commands": _commands,
        "refusals": _refused,
    }


QUICK = ["an SDE", "estimates", "a run, twice"]
SLOW = ["samples", "densities", "trainings", "models", "refusals"]
NAMES = [*QUICK, *SLOW, "fits", "commands"]


@pytest.mark.parametrize("name", [*QUICK, *(pytest.param(name, marks=pytest.mark.slow) for name in SLOW)])
def test_counts_stay(activities: dict[str, Act], name: str) -> None:
    act = activities[name]
    for number in range(2):
        act(number)
    before = counts(held())
    for number in range(2, 4):
        act(number)
    assert counts(held()) == before, "files, threads, temporary files, tensors"


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_memory_and_counts_stay(activities: dict[str, Act], name: str) -> None:
    act = activities[name]
    for number in range(10):
        act(number)
    found = measured(lambda number: act(10 + number), SECONDS)
    print(f"{name}: {found}")
    assert counts(found.quarters[3]) == counts(found.quarters[1]), str(found)
    growth = found.quarters[3].memory - found.quarters[2].memory
    assert growth <= max(LEAK * found.calls / 4, SLACK), str(found)


def _files(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if not path.is_dir()}


CALLS = [
    (("list",), set()),
    (("validate", "r.yaml", "--build"), set()),
    (("sample", "run", "-n", "4", "--out", "s.csv"), {"s.csv"}),
    (("estimate", "run", "energy-distance", "--data", "x.csv"), set()),
    (("sample", "run", "--integrator", "none-such"), set()),
]
OTHERS = [
    (("plugins",), set()),
    (("check", "latent/brownian"), set()),
    (("export", "run", "model"), {"model/"}),
    (("report", "run"), {"run/"}),
    (("compare", "run", "run"), {"compare.html"}),
    (("run", "r.yaml", "--out", "new"), {"new/"}),
]


@pytest.fixture
def apart(home: Path, tmp_path: Path) -> Path:
    """A folder with others for a user's own files and for temporary ones."""
    for name in ("here", "home", "tmp"):
        (tmp_path / name).mkdir()
    for name in ("r.yaml", "x.csv"):
        shutil.copy(home / name, tmp_path / "here" / name)
    shutil.copytree(home / "run", tmp_path / "here" / "run")
    return tmp_path


def _nothing_stray(apart: Path, before: set[str], made: set[str], words: tuple[str, ...]) -> None:
    new = {name for name in _files(apart / "here") - before if not any(name.startswith(each) for each in made)}
    assert new == set(), words
    assert _files(apart / "tmp") == set(), words
    # The lists of fonts of matplotlib are its own, kept for all that use it.
    assert {name for name in _files(apart / "home") if "matplotlib" not in name} == set(), words


def test_commands_leave_no_stray_file(si, apart):
    for words, made in CALLS:
        before = _files(apart / "here")
        done = si(*words, folder=apart / "here", HOME=str(apart / "home"), TMPDIR=str(apart / "tmp"))
        assert done.code in (0, 2), done.err
        _nothing_stray(apart, before, made, words)


@pytest.mark.slow
def test_processes_leave_no_stray_file(apart):
    environment = {**os.environ, "HOME": str(apart / "home"), "TMPDIR": str(apart / "tmp")}
    environment = {key: value for key, value in environment.items() if not key.startswith(("XDG_", "MPL"))}
    for words, made in [*CALLS, *OTHERS]:
        before = _files(apart / "here")
        subprocess.run(
            [sys.executable, "-m", "si_core", *words],
            cwd=apart / "here",
            env=environment,
            capture_output=True,
            check=False,
        )
        _nothing_stray(apart, before, made, words)
