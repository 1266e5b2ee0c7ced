"""A recipe that trains in a blink, and sweeps of it."""

from __future__ import annotations

import csv
import importlib.util
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from si_core.cli.main import main

NEEDED = ("si_distributions", "si_estimators", "si_integrators", "si_interpolants", "si_networks", "si_objectives")
collect_ignore_glob = ["test_*"] if any(importlib.util.find_spec(name) is None for name in NEEDED) else []

RECIPE = """\
title: A small one
seed: 3
source: {use: gaussian, dim: 2}
target: two-moons
latent: {use: brownian, scale: 1.0}
objectives: [velocity, denoiser]
network: {use: mlp, width: 16, depth: 2}
train: {steps: 12, batch: 32, log_every: 4, checkpoint_every: 5}
sample: {number: 40, batch: 40, integrator: {use: stochastic-heun, steps: 4}, epsilon: 0.5}
estimators: [{use: energy-distance, samples: 64}, {use: sliced-wasserstein, projections: 8, samples: 64}]
report: false
"""


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """``write(more, name)``: the small recipe with further lines as a file of the working directory; its name."""
    monkeypatch.chdir(tmp_path)

    def written(more: str = "", name: str = "r.yaml") -> str:
        (tmp_path / name).write_text(RECIPE + more, encoding="utf-8")
        return name

    return written


@pytest.fixture
def si(write: Callable[..., str]) -> Callable[..., int]:
    """``si(*words)``: a command in the working directory; its exit code."""
    return lambda *words: main([str(word) for word in words])


@pytest.fixture
def trained_steps(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The number of every training step that is taken, in order."""
    from si_core.training.trainer import Trainer

    steps: list[int] = []
    advance = Trainer.advance

    def advanced(self: Trainer) -> None:
        advance(self)
        steps.append(self.step)

    monkeypatch.setattr(Trainer, "advance", advanced)
    return steps


@pytest.fixture
def table() -> Callable[[Path], list[dict[str, str]]]:
    """``table(sweep)``: the rows of its ``results.csv``."""

    def rows(sweep: Path) -> list[dict[str, str]]:
        with open(sweep / "results.csv", encoding="utf-8", newline="") as file:
            return list(csv.DictReader(file))

    return rows


@pytest.fixture
def content() -> Callable[[Path], dict[str, bytes]]:
    """``content(run)``: what a run made, by file; all but log, status, lock and loggers, which hold times."""

    def files(run: Path) -> dict[str, bytes]:
        timed = ("log.txt", "throughput.jsonl", "STATUS.json", ".lock")
        kept = sorted(path for path in run.rglob("*") if path.is_file() and path.name not in timed)
        kept = [path for path in kept if path.parent.name != "tensorboard"]
        return {str(path.relative_to(run)): path.read_bytes() for path in kept}

    return files


@pytest.fixture
def outcome(table: Callable[[Path], list[dict[str, str]]]) -> Callable[[Path], list[dict[str, Any]]]:
    """``outcome(sweep)``: the rows without the seconds, which differ between equal sweeps."""
    return lambda sweep: [
        {key: value for key, value in row.items() if not key.startswith("seconds.")} for row in table(sweep)
    ]
