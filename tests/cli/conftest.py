"""Commands as processes of their own, tiny recipes for them, and one finished run that all may read."""

from __future__ import annotations

import atexit
import functools
import importlib.util
import json
import os
import subprocess
import sys
import textwrap
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

# Runs need real components; where the plugins are not installed, none of this is collected.
collect_ignore_glob = ["test_*.py"] if importlib.util.find_spec("si_recipes") is None else []

SECONDS = 60
"""How long a command may take before it counts as hanging; the longest of these needs three."""

RECIPE = """\
title: Two Gaussians
seed: 3
source: {use: gaussian, dim: 2}
target:
  use: gaussian-mixture
  weights: [0.5, 0.5]
  means: [[-2.0, 0.0], [2.0, 0.0]]
  covariances: [[[0.25, 0.0], [0.0, 0.25]], [[0.25, 0.0], [0.0, 0.25]]]
interpolant: linear
latent: {use: brownian, scale: 1.0}
objectives: [velocity, denoiser]
network: {use: mlp, width: 16, depth: 1}
train:
  steps: 24
  batch: 32
  schedule: {use: cosine, warmup: 4}
  ema: 0.9
  clip: 5.0
  checkpoint_every: 6
  log_every: 4
sample: {number: 64, batch: 64, integrator: {use: euler-maruyama, steps: 4}, epsilon: 0.5}
estimators: [{use: energy-distance, samples: 64}]
report: false
"""


@dataclass(frozen=True)
class Done:
    """A command that has ended: its exit code (negative: the signal that killed it) and what it said."""

    code: int
    out: str
    err: str


class Child:
    """A command that may still be going on."""

    def __init__(self, commands: Commands, pid: int, said: list[Path]) -> None:
        self.commands, self.pid, self.said = commands, pid, said

    def wait(self) -> Done:
        code = self.commands.ask({"wait": self.pid, "seconds": SECONDS})["code"]
        out, err = (path.read_text(encoding="utf-8", errors="surrogateescape") for path in self.said)
        assert code is not None, f"the command hangs; it said\n{out}{err}"
        return Done(code, out, err)


class Commands:
    """Starts ``si`` commands in a folder."""

    def __init__(self, server: subprocess.Popen[str]) -> None:
        self.server, self.folder, self.count = server, Path(), 0

    def ask(self, request: dict[str, Any]) -> dict[str, Any]:
        assert self.server.stdin
        assert self.server.stdout
        self.server.stdin.write(json.dumps(request) + "\n")
        self.server.stdin.flush()
        return json.loads(self.server.stdout.readline())

    def start(
        self,
        *arguments: object,
        moment: tuple[object, ...] = (),
        folder: Path | None = None,
        out: str | None = None,
        site: Path | None = None,
        **environment: str,
    ) -> Child:
        """Start a command.

        Args:
            arguments: the words after ``si``.
            moment: what is to happen in the middle: a function of ``moments.py`` and its arguments.
            folder: the working directory; the test's own by default.
            out: where standard output goes; a file by default.
            site: a folder with further distributions.
            environment: further variables.
        """
        self.count += 1
        said = [self.folder / f".said-{self.count}-{name}" for name in ("out", "err")]
        if out is not None:
            said[0].touch()
        request = {
            "arguments": [str(word) for word in arguments],
            "folder": str(folder or self.folder),
            "out": out or str(said[0]),
            "err": str(said[1]),
            "moment": list(moment),
            "path": [str(site)] if site else [],
            "environment": environment,
        }
        return Child(self, self.ask(request)["pid"], said)

    def __call__(self, *arguments: object, **settings: Any) -> Done:
        """Carry out a command: :meth:`start` and wait."""
        return self.start(*arguments, **settings).wait()


@functools.cache
def _started() -> Commands:
    """The server, one for all folders of tests that use it: its imports take seconds."""
    settings = {key: value for key, value in os.environ.items() if not key.startswith("SI_")}
    settings |= {"OMP_NUM_THREADS": "1", "PYTHONFAULTHANDLER": "1", "TERM": "xterm", "COLUMNS": "100"}
    program = [sys.executable, str(Path(__file__).with_name("command_server.py"))]
    process = subprocess.Popen(
        program, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=settings, start_new_session=True
    )
    atexit.register(_stopped, process)
    assert process.stdout
    assert json.loads(process.stdout.readline()) == {"ready": True}
    return Commands(process)


def _stopped(process: subprocess.Popen[str]) -> None:
    assert process.stdin
    process.stdin.close()
    process.wait(SECONDS)


@pytest.fixture(scope="session")
def server() -> Commands:
    return _started()


@pytest.fixture
def si(server: Commands, tmp_path: Path) -> Commands:
    """``si("run", "r.yaml")``: carry out a command in the test's own folder, in which ``r.yaml`` is a tiny recipe."""
    server.folder = tmp_path
    (tmp_path / "r.yaml").write_text(RECIPE, encoding="utf-8")
    return server


@pytest.fixture(scope="session")
def finished(server: Commands, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run of ``r.yaml`` that nobody has interrupted. Read it; don't change it."""
    server.folder = tmp_path_factory.mktemp("finished")
    (server.folder / "r.yaml").write_text(RECIPE, encoding="utf-8")
    done = server("run", "r.yaml", "--out", "run")
    assert done.code == 0, done.err
    return server.folder / "run"


RESULTS = ("model.safetensors", "samples.npy", "metrics.jsonl", "estimates.json")


@pytest.fixture
def results() -> Callable[[Path], dict[str, bytes]]:
    """``results(run)``: the bytes of all that must be equal in equal runs, the last checkpoint included."""

    def read(run: Path) -> dict[str, bytes]:
        newest = max(run.glob("checkpoints/step-*"))
        files = [run / name for name in RESULTS] + sorted(newest.iterdir())
        return {str(file.relative_to(run)): file.read_bytes() for file in files}

    return read


def status(run: Path) -> dict[str, Any]:
    """What ``STATUS.json`` of a run says."""
    return json.loads((run / "STATUS.json").read_text(encoding="utf-8"))


METADATA = "Metadata-Version: 2.1\nName: si-stranger\nVersion: 1.5\nRequires-Dist: si-core>=0.2,<0.3\n"
OFFER = """\
from si_core import Component, hookimpl

@hookimpl
def si_components():
    return [Component({kind!r}, {name!r}, "stranger_parts:{cls}", "a test")]
"""


@pytest.fixture
def stranger(tmp_path: Path) -> Callable[..., Path]:
    """``stranger(kind, name, class, source)``: the folder of a distribution ``si-stranger 1.5`` with one component."""

    def write(kind: str, name: str, cls: str, source: str, hooks: str = "") -> Path:
        site = tmp_path / "site"
        info = site / "si_stranger-1.5.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text(METADATA, encoding="utf-8")
        (info / "entry_points.txt").write_text("[si_core.plugins]\nstranger = stranger_plugin\n", encoding="utf-8")
        offer = OFFER.format(kind=kind, name=name, cls=cls)
        (site / "stranger_plugin.py").write_text(offer + textwrap.dedent(hooks), encoding="utf-8")
        (site / "stranger_parts.py").write_text(textwrap.dedent(source), encoding="utf-8")
        return site

    return write
