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


def records(run: Path) -> list[Any]:
    """The records of all files of a run, oldest first: the format is that of LevelDB's logs."""
    from wandb.proto import wandb_internal_pb2 as pb

    found = []
    for path in sorted(run.glob("wandb/offline-run-*/*.wandb")):
        for data in _logged(path.read_bytes()):
            record = pb.Record()
            record.ParseFromString(data)
            found.append(record)
    return found


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


def history(found: list[Any]) -> list[dict[str, Any]]:
    """The numbers that were told, by step."""
    return [
        {item.key or ".".join(item.nested_key): json.loads(item.value_json) for item in record.history.item}
        for record in found
        if record.WhichOneof("record_type") == "history"
    ]


def summary(found: list[Any]) -> dict[str, Any]:
    """What the summary was set to."""
    return {
        item.key or ".".join(item.nested_key): json.loads(item.value_json)
        for record in found
        if record.WhichOneof("record_type") == "summary"
        for item in record.summary.update
    }
