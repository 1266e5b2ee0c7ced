"""Threads that make pairs ahead of training: what goes wrong in one is told as if the step had done it itself."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest

from si_core.cli.main import main
from si_core.models.streams import stream_seed

from ..training.conftest import stranger  # noqa: F401

pytest.importorskip("si_recipes")

STEP = 11
RECIPE = """\
source: {use: gaussian, dim: 2}
target: {use: gaussian, dim: 2}
coupling: {use: failing, what: WHAT}
network: {use: mlp, width: 8, depth: 1}
train: {steps: 40, batch: 16, checkpoint_every: 1}
sample: {number: 4}
report: false
"""
COUPLING = """
import si_core as si
from si_core import NumericsError

class Failing(si.Coupling):
    prefetch = True

    def __init__(self, what: str) -> None:
        self.what = what

    def pair(self, x0, x1, generator=None):
        if generator.initial_seed() == STREAM:
            self.fail()
        return x0, x1

    def fail(self):
        if self.what == "exit":
            raise SystemExit(0)
        if self.what == "memory":
            raise MemoryError
        if self.what == "numerics":
            raise NumericsError("no plan", where="the pairs of a step")
        raise ZeroDivisionError("of the pairs of a step")
"""


@pytest.mark.fault(29)
@pytest.mark.parametrize(
    ("what", "code", "words"),
    [
        ("bug", 5, "ZeroDivisionError: of the pairs of a step"),
        ("exit", 5, "called sys.exit(0)"),
        ("memory", 3, "out of memory in training"),
        ("numerics", 3, "no plan"),
    ],
)
def test_a_failure_has_its_plugin_its_traceback_and_an_end(
    what,
    code,
    words,
    stranger,  # noqa: F811
    tmp_path,
    monkeypatch,
    capsys,
) -> None:
    monkeypatch.chdir(tmp_path)
    stranger("coupling", "failing", "Failing", COUPLING.replace("STREAM", str(stream_seed(0, "data", 0, STEP))))
    Path("r.yaml").write_text(RECIPE.replace("WHAT", what))
    before, start = set(threading.enumerate()), time.monotonic()
    assert main(["run", "r.yaml", "--out", "run"]) == code
    assert time.monotonic() - start < 30
    message = capsys.readouterr().err
    assert words in message
    assert "si-stranger 1.0" in message or what == "numerics"
    assert "Traceback" not in message
    log = Path("run/log.txt").read_text()
    assert "Traceback" in log
    assert ", in fail" in log
    assert max(Path("run/checkpoints").iterdir()).name == f"step-{STEP:08}", "what was learned before is saved"
    # Idle threads of a pool end with the process.
    busy = [t for t in set(threading.enumerate()) - before if not (t.daemon or t.name.startswith("pairs"))]
    for thread in busy:
        thread.join(5)
        assert not thread.is_alive()
