"""Runs that are shown offline, and what is in the files that would be sent."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from si_core.cli.main import main
from si_core.discovery.plugins import reset

RECIPE = """\
title: Two moons
seed: 3
source: {use: gaussian, dim: 2}
target: {use: two-moons}
network: {use: mlp, width: 8, depth: 1}
train: {steps: 12, batch: 16, log_every: 4, checkpoint_every: 4}
sample: {number: 32, batch: 64, integrator: {use: euler, steps: 2}}
estimators: [{use: energy-distance, samples: 32}]
callbacks: [{use: wandb, project: moons, tags: [small]}, CALLBACKS]
report: false
"""
_BLOCK = 2**15


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., int]:
    """``run(*words, callbacks="")``: carry the recipe out into the folder ``run``; the exit code."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.delenv("SI_PLUGINS", raising=False)
    reset()

    def carry_out(*words: str, callbacks: str = "early-stopping") -> int:
        # A recipe of its own, for a run is gone on with by an equal one.
        text = RECIPE.replace(", CALLBACKS", "" if callbacks == "early-stopping" else f", {callbacks}")
        (tmp_path / "r.yaml").write_text(text, encoding="utf-8")
        return main(["run", "r.yaml", "--out", "run", *words])

    return carry_out


class Told:
    """What the files of a run hold, oldest first; their format is that of LevelDB's logs.

    Args:
        run: its folder.
    """

    def __init__(self, run: Path) -> None:
        from wandb.proto import wandb_internal_pb2

        self._records = []
        for path in sorted(run.glob("wandb/offline-run-*/*.wandb")):
            for data in _logged(path.read_bytes()):
                record = wandb_internal_pb2.Record()
                record.ParseFromString(data)
                self._records.append(record)

    def runs(self) -> list[Any]:
        """The runs that were begun."""
        return [record.run for record in self._records if record.WhichOneof("record_type") == "run"]

    def history(self) -> list[dict[str, Any]]:
        """The numbers that were told, by step."""
        return [_values(each.history.item) for each in self._records if each.WhichOneof("record_type") == "history"]

    def summary(self) -> dict[str, Any]:
        """What the summary was set to."""
        found: dict[str, Any] = {}
        for record in self._records:
            if record.WhichOneof("record_type") == "summary":
                found |= _values(record.summary.update)
        return found


def _values(items: Any) -> dict[str, Any]:
    return {item.key or ".".join(item.nested_key): json.loads(item.value_json) for item in items}


def _logged(data: bytes) -> Iterator[bytes]:
    place, parts = 7, b""
    while place + 7 <= len(data):
        left = _BLOCK - place % _BLOCK
        if left < 7:
            place += left
            continue
        length, kind = struct.unpack("<HB", data[place + 4 : place + 7])
        parts += data[place + 7 : place + 7 + length]
        place += 7 + length
        if kind in (1, 4):  # whole, or the last part
            yield parts
            parts = b""


@pytest.fixture
def told() -> Callable[[], Told]:
    """``told()``: what the folder ``run`` would send by now."""
    return lambda: Told(Path("run"))
