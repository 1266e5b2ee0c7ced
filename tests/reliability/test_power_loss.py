"""The power fails: what was not synced is gone, whatever was renamed since. A good checkpoint is left at any moment."""

from __future__ import annotations

import os
import shutil

import pytest
import torch

from si_core.storage.checkpoint import load_checkpoint, newest_verified, save_checkpoint
from si_core.storage.faults import FAULT_POINTS, set_fault_hook
from si_core.storage.retention import prune

POINTS = [name for name in FAULT_POINTS if name.startswith(("checkpoint", "prune")) and "old" not in name]


def save(folder, step):
    tensors = {"weights": {"w": torch.full((50,), float(step))}, "optimizer": {"m": torch.full((50,), -float(step))}}
    prune(folder, 2, written=save_checkpoint(folder, step, tensors, {"step": step}))


@pytest.fixture
def synced(monkeypatch):
    """The inodes that have been synced."""
    seen, sync = set(), os.fsync

    def noted(descriptor):
        sync(descriptor)
        seen.add(os.fstat(descriptor).st_ino)

    monkeypatch.setattr(os, "fsync", noted)
    yield seen
    set_fault_hook(None)


@pytest.mark.fault(40)
@pytest.mark.parametrize("left", ["nothing", "a half", "zeros"])
@pytest.mark.parametrize("point", POINTS)
def test_at_every_moment_of_a_save(tmp_path, synced, point, left):
    """A copy of the disk at that moment, in which files that were not synced have lost what was written to them."""
    folder = tmp_path / "checkpoints"
    save(folder, 1)
    save(folder, 2)
    disks = []

    def fail(name):
        if name != point:
            return
        disk = tmp_path / f"disk-{len(disks)}"
        shutil.copytree(folder, disk)
        for path in folder.rglob("*"):
            if path.is_file() and path.stat().st_ino not in synced:
                data = path.read_bytes()
                kept = {"nothing": b"", "a half": data[: len(data) // 2], "zeros": bytes(len(data))}[left]
                (disk / path.relative_to(folder)).write_bytes(kept)
        disks.append(disk)

    set_fault_hook(fail)
    save(folder, 3)
    set_fault_hook(None)
    assert disks, "the moment does not come"
    for disk in disks:
        newest = newest_verified(disk, lambda line: None)
        assert newest is not None
        found = load_checkpoint(newest)
        assert found.step in (2, 3)
        assert torch.equal(found.tensors["weights"]["w"], torch.full((50,), float(found.step)))
        assert not [path for path in disk.iterdir() if ".tmp-" in path.name]


@pytest.mark.fault(40)
def test_a_rename_that_came_through_without_its_contents_is_no_checkpoint(tmp_path):
    for step in (1, 2, 3):
        save(tmp_path, step)
    for path in (tmp_path / "step-00000003").iterdir():
        os.truncate(path, 0)
    told = []
    assert newest_verified(tmp_path, told.append) == tmp_path / "step-00000002"
    assert "damaged" in " ".join(told)
