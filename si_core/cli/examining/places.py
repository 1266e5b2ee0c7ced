"""Where commands write: may they, how fast, and what is left of disk and memory."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import torch

from si_core.cli.examining.finding import Finding
from si_core.errors import SIError, StorageError
from si_core.storage.atomic import write_atomic
from si_core.storage.machine import free_disk, free_memory, in_time, in_units

__all__ = ["places"]

_SIZE = 8 << 20
"""Bytes written to measure a disk: a checkpoint of two million weights."""

_SLOW_WRITE, _LITTLE_DISK, _LITTLE_MEMORY = 1.0, 1 << 30, 1 << 30


def places() -> Iterator[Finding]:
    """The current folder, where `runs/` begins; the one for temporary files; memory."""
    yield _place("current folder", Path(), "go to a folder of yours, or name one: --out DIR")
    yield _place("temporary files", Path(tempfile.gettempdir()), "TMPDIR=FOLDER names another")
    home = Path(os.environ.get("MPLCONFIGDIR") or os.environ.get("XDG_CONFIG_HOME") or Path.home())
    if not os.access(home, os.W_OK):
        text = f"{home} can't be written: matplotlib looks for fonts anew in each report"
        yield Finding("places", "settings", "slow", text, "MPLCONFIGDIR=FOLDER names another")
    memory = free_memory(torch.device("cpu"))
    if memory is not None:
        little = memory < _LITTLE_MEMORY
        fix = "end other programs; --plan says what a recipe needs" if little else ""
        yield Finding("places", "memory", "note" if little else "ok", f"{in_units(memory)} free", fix)


def _place(name: str, folder: Path, fix: str) -> Finding:
    """Write a file as checkpoints are written, and take it away again."""
    shown = folder.absolute()
    try:
        with tempfile.TemporaryDirectory(prefix=".si-doctor-", dir=folder) as made:
            begun = time.perf_counter()
            write_atomic(Path(made) / "file", os.urandom(_SIZE))
            seconds = time.perf_counter() - begun
    except (OSError, SIError) as error:
        return Finding("places", name, "wrong", f"{shown} can't be written: {error}", fix, StorageError.code)
    free = free_disk(folder)
    left = "" if free is None else f", {in_units(free)} free"
    text = f"{shown}{left}; {in_units(_SIZE)} written in {in_time(seconds)}"
    if free is not None and free < _LITTLE_DISK:
        return Finding("places", name, "note", text, f"make room there; or {fix}")
    if seconds > _SLOW_WRITE:
        text += ": checkpoints and samples wait for it"
        return Finding("places", name, "slow", text, f"a disk of this machine is faster than one of a network; {fix}")
    return Finding("places", name, "ok", text)
