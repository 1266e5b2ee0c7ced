"""Checkpoints: whole or absent, verified before use, pruned only when better ones are proven."""

import json
import os
import random
import resource
import signal
import stat
import time

import pytest
import torch

from si_core.errors import NumericsError, StorageError
from si_core.models.streams import generator
from si_core.storage.checkpoint import (
    DamagedError,
    flatten_state,
    load_checkpoint,
    newest_verified,
    prune,
    save_checkpoint,
    unflatten_state,
    verify,
)
from si_core.storage.faults import FAULT_POINTS, set_fault_hook


def start():
    """A model in training: weights, optimizer and step."""
    weight = torch.nn.Parameter(torch.zeros(3, 2))
    return weight, torch.optim.Adam([weight], lr=0.1)


def advance(weight, optimizer, step):
    target = torch.randn(weight.shape, generator=generator(7, "data", step))
    optimizer.zero_grad()
    (weight - target).square().sum().backward()
    optimizer.step()


def save(folder, step, weight, optimizer):
    tensors, rest = flatten_state(optimizer.state_dict())
    return save_checkpoint(folder, step, {"model": {"w": weight}, "optimizer": tensors}, {"optimizer": rest})


def resume(path):
    weight, optimizer = start()
    if path is None:
        return 0, weight, optimizer
    found = load_checkpoint(path)
    with torch.no_grad():
        weight.copy_(found.tensors["model"]["w"])
    optimizer.load_state_dict(unflatten_state(found.tensors["optimizer"], found.state["optimizer"]))
    return found.step, weight, optimizer


def uninterrupted(steps):
    weight, optimizer = start()
    for step in range(1, steps + 1):
        advance(weight, optimizer, step)
    return weight


def train(folder, stop, keep=2):
    """Go on from the newest checkpoint up to step ``stop``, saving each step."""
    step, weight, optimizer = resume(newest_verified(folder, lambda line: None))
    while step < stop:
        step += 1
        advance(weight, optimizer, step)
        prune(folder, keep, written=save(folder, step, weight, optimizer))


def forked(action):
    child = os.fork()
    if child == 0:
        code = 1
        try:
            action()
            code = 0
        finally:
            os._exit(code)
    return child


def wait(child):
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def names(folder):
    return sorted(path.name for path in folder.iterdir())


@pytest.fixture
def folder(tmp_path):
    """A folder with good checkpoints of steps 1, 2, 3."""
    folder = tmp_path / "été 1" / "checkpoints"
    weight, optimizer = start()
    for step in (1, 2, 3):
        advance(weight, optimizer, step)
        save(folder, step, weight, optimizer)
    return folder


def test_a_checkpoint_gives_back_what_was_saved(tmp_path):
    tensors = {"a": {"x": torch.arange(3), "y": torch.tensor(2.0, dtype=torch.float64)}, "empty": {}}
    state = {"epoch": 3, "note": "ü", "list": [1, None, True, {"lr": 1e-3}]}
    path = save_checkpoint(tmp_path, 500, tensors, state)
    assert path == tmp_path / "step-00000500"
    assert names(path) == ["a.safetensors", "empty.safetensors", "manifest.json", "state.json"]
    found = load_checkpoint(path)
    assert (found.step, found.state) == (500, state)
    assert list(found.tensors) == ["a", "empty"]
    assert all(torch.equal(found.tensors["a"][name], value) for name, value in tensors["a"].items())
    assert json.loads((path / "manifest.json").read_text())["schema"] == 1


def test_equal_content_gives_equal_bytes(tmp_path):
    content = {"g": {name: torch.full((2,), float(i)) for i, name in enumerate("zyxwv")}}
    one = save_checkpoint(tmp_path / "1", 1, content, {"a": 1})
    two = save_checkpoint(tmp_path / "2", 1, content, {"a": 1})
    assert [(one / name).read_bytes() for name in names(one)] == [(two / name).read_bytes() for name in names(two)]


def kill_at(point, count):
    """A hook that kills this process the ``count``-th time it comes to ``point``."""
    seen = []

    def hook(name):
        seen.append(name)
        if seen.count(point) == count:
            os.kill(os.getpid(), signal.SIGKILL)

    return hook


@pytest.mark.fault(39)
@pytest.mark.parametrize("count", [1, 2])
@pytest.mark.parametrize("point", [name for name in FAULT_POINTS if name.startswith(("checkpoint", "prune"))])
def test_a_kill_at_any_point_costs_at_most_one_step(folder, point, count):
    weight = uninterrupted(8)

    def killed():
        set_fault_hook(kill_at(point, count))
        step, *model = resume(folder / "step-00000003")
        for _ in range(2):
            save(folder, step, *model)  # replaces an existing one
        train(folder, 8)

    assert wait(forked(killed)) == -signal.SIGKILL
    reports = []
    found = newest_verified(folder, reports.append)
    assert found is not None
    assert int(found.name[5:]) >= 3
    assert reports == []
    assert all(name.startswith("step-") and ".tmp" not in name for name in names(folder))
    assert len(names(folder)) >= 2
    train(folder, 8)
    assert torch.equal(resume(folder / "step-00000008")[1], weight)


@pytest.mark.fault(40)
def test_everything_is_on_the_disk_before_the_name_and_the_name_before_the_end(tmp_path, monkeypatch):
    events, fsync, rename = [], os.fsync, os.rename

    def note_sync(descriptor):
        events.append(("sync", os.path.basename(os.readlink(f"/proc/self/fd/{descriptor}")).partition(".tmp-")[0]))
        fsync(descriptor)

    def note_rename(old, new):
        events.append(("rename", os.path.basename(new)))
        rename(old, new)

    monkeypatch.setattr(os, "fsync", note_sync)
    monkeypatch.setattr(os, "rename", note_rename)
    save_checkpoint(tmp_path / "c", 1, {"a": {"x": torch.ones(1)}}, {})
    assert sorted(events[:2]) == [("sync", "a.safetensors"), ("sync", "state.json")]
    last = [("sync", "manifest.json"), ("sync", "step-00000001"), ("rename", "step-00000001"), ("sync", "c")]
    assert events[2:] == last


def test_kills_at_random_times_lose_nothing(tmp_path):
    delays = random.Random(7)
    reached, last = [], 0
    for _ in range(15):
        child = forked(lambda: train(tmp_path, 10**6))
        # However slow the machine is: at some time after the child's first step.
        begun = time.monotonic()
        newest = f"step-{last:08d}"
        while not any(name > newest and len(name) == len(newest) for name in names(tmp_path)):
            assert time.monotonic() - begun < 60
            time.sleep(0.001)
        time.sleep(delays.uniform(0.0, 0.06))
        os.kill(child, signal.SIGKILL)
        assert wait(child) == -signal.SIGKILL
        found = newest_verified(tmp_path, pytest.fail)
        step, weight, _ = resume(found)
        assert step >= last
        last = step
        reached.append(step)
    assert len(set(reached)) > 5
    assert torch.equal(weight, uninterrupted(last))


@pytest.mark.fault(53)
@pytest.mark.parametrize("umask", [0o022, 0o077])
def test_modes_follow_the_umask(tmp_path, umask):
    before = os.umask(umask)
    try:
        path = save_checkpoint(tmp_path / "c", 1, {"a": {"x": torch.ones(1)}}, {})
    finally:
        os.umask(before)
    assert {stat.S_IMODE(file.stat().st_mode) for file in path.iterdir()} == {0o666 & ~umask}
    assert stat.S_IMODE(path.stat().st_mode) == 0o777 & ~umask


@pytest.mark.fault(41)
def test_a_full_disk_leaves_the_old_ones_and_no_rest(folder):
    before = names(folder)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4000, hard))
    try:
        with pytest.raises(StorageError) as caught:
            save_checkpoint(folder, 4, {"a": {"x": torch.ones(10_000)}}, {})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert "40000 bytes needed" in str(caught.value)
    assert "step-00000004" in str(caught.value)
    assert names(folder) == before
    assert newest_verified(folder, pytest.fail) == folder / "step-00000003"


@pytest.mark.fault(42)
def test_a_failing_replacement_keeps_the_old_one(folder, monkeypatch):
    rename = os.rename

    def refuse(old, new):
        if ".tmp-" in os.fspath(old):
            raise OSError(30, "Read-only file system")
        rename(old, new)

    monkeypatch.setattr(os, "rename", refuse)
    with pytest.raises(StorageError, match="read-only"):
        save_checkpoint(folder, 3, {"a": {"x": torch.ones(2)}}, {})
    assert names(folder) == ["step-00000001", "step-00000002", "step-00000003"]
    assert "model" in load_checkpoint(folder / "step-00000003").tensors


def test_nan_is_not_saved_and_infinity_is(folder):
    before = names(folder)
    with pytest.raises(NumericsError, match="1 of 2 values of model: w"):
        save_checkpoint(folder, 4, {"model": {"w": torch.tensor([1.0, float("nan")])}}, {})
    assert names(folder) == before
    save_checkpoint(folder, 4, {"model": {"mask": torch.tensor([float("-inf"), 0.0])}}, {})


@pytest.mark.parametrize(
    ("tensors", "state"),
    [
        ({"../up": {}}, {}),
        ({"a": {"x": 1.0}}, {}),
        ({"a": {"x": torch.ones(2, dtype=torch.complex128)}}, {}),
        ({"a": {"x": torch.ones(2, 2).to_sparse()}}, {}),
        ({"a": {"__metadata__": torch.ones(1)}}, {}),
        ({}, {"x": torch.ones(1)}),
        ({}, {1: 2}),
        ({}, {"x": float("nan")}),
    ],
)
def test_what_could_not_be_read_back_is_refused(folder, tensors, state):
    before = names(folder)
    with pytest.raises(StorageError):
        save_checkpoint(folder, 4, tensors, state)
    assert names(folder) == before


def flip(file, bit):
    data = bytearray(file.read_bytes())
    data[bit // 8 % len(data)] ^= 1 << bit % 8
    file.write_bytes(bytes(data))


DAMAGES = {
    "bit of the weights": lambda path: flip(path / "model.safetensors", 8 * 200 + 3),
    "bit of the state": lambda path: flip(path / "state.json", 40),
    "cut": lambda path: os.truncate(path / "optimizer.safetensors", 20),
    "empty": lambda path: (path / "model.safetensors").write_bytes(b""),
    "text": lambda path: (path / "model.safetensors").write_text("hello"),
    "swapped": lambda path: (path / "model.safetensors").write_bytes((path / "optimizer.safetensors").read_bytes()),
    "of another step": lambda path: (path / "model.safetensors").write_bytes(
        (path.parent / "step-00000001" / "model.safetensors").read_bytes()
    ),
    "missing file": lambda path: (path / "model.safetensors").unlink(),
    "missing manifest": lambda path: (path / "manifest.json").unlink(),
    "manifest of another step": lambda path: (path / "manifest.json").write_bytes(
        (path.parent / "step-00000001" / "manifest.json").read_bytes()
    ),
    "empty manifest": lambda path: (path / "manifest.json").write_bytes(b""),
    "pipe": lambda path: ((path / "model.safetensors").unlink(), os.mkfifo(path / "model.safetensors")),
}


@pytest.mark.fault(43, 44)
@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_checkpoint_is_named_set_aside_and_passed_over(folder, damage):
    newest = folder / "step-00000003"
    DAMAGES[damage](newest)
    for action in (verify, load_checkpoint):
        with pytest.raises(DamagedError, match="damaged") as caught:
            action(newest)
        assert str(newest) in str(caught.value)
    reports = []
    assert newest_verified(folder, reports.append, tidy=False) == folder / "step-00000002"
    assert newest.exists()
    assert newest_verified(folder, reports.append) == folder / "step-00000002"
    assert not newest.exists()
    assert [name[:21] for name in names(folder)] == ["damaged-step-00000003", "step-00000001", "step-00000002"]
    assert any("skipped" in line and "step-00000003" in line for line in reports)


@pytest.mark.fault(43)
def test_every_flipped_bit_of_a_manifest_is_found(folder):
    path = folder / "step-00000003"
    good = (path / "manifest.json").read_bytes()
    for bit in range(0, 8 * len(good), 3):
        flip(path / "manifest.json", bit)
        with pytest.raises(StorageError):
            verify(path)
        (path / "manifest.json").write_bytes(good)
    assert verify(path).step == 3


@pytest.mark.fault(44)
def test_an_extra_file_is_named_and_a_hidden_one_is_not(folder):
    path = folder / "step-00000003"
    (path / ".DS_Store").write_text("")
    assert newest_verified(folder, pytest.fail) == path
    (path / "more.bin").write_text("")
    with pytest.raises(DamagedError, match=r"more\.bin"):
        verify(path)


@pytest.mark.fault(44)
def test_a_newer_schema_is_skipped_but_not_called_damaged(folder):
    manifest = folder / "step-00000003" / "manifest.json"
    manifest.write_text(manifest.read_text().replace('"schema": 1', '"schema": 2'))
    reports = []
    assert newest_verified(folder, reports.append) == folder / "step-00000002"
    assert "upgrade si-core" in reports[0]
    assert manifest.exists()


def test_no_checkpoint_is_none(tmp_path):
    assert newest_verified(tmp_path / "absent", pytest.fail) is None
    assert prune(tmp_path / "absent", 3) == []
    (tmp_path / "notes.txt").write_text("")
    (tmp_path / "step-5").mkdir()
    assert newest_verified(tmp_path, pytest.fail) is None
    assert names(tmp_path) == ["notes.txt", "step-5"]
    with pytest.raises(StorageError, match="no such checkpoint"):
        load_checkpoint(tmp_path / "step-00000001")


@pytest.mark.fault(61)
def test_order_is_by_step_not_by_time_or_text(tmp_path):
    for step in (99_999_999, 100_000_000, 5):
        save_checkpoint(tmp_path, step, {}, {})
    assert newest_verified(tmp_path, pytest.fail).name == "step-100000000"


@pytest.mark.fault(52)
@pytest.mark.parametrize(("keep", "left"), [(-1, 2), (0, 2), (1, 2), (2, 2), (3, 3), (9, 5)])
def test_pruning_keeps_the_newest_and_at_least_two(tmp_path, keep, left):
    for step in range(1, 6):
        written = save_checkpoint(tmp_path, step, {}, {})
    removed = prune(tmp_path, keep, written=written)
    assert len(removed) == 5 - left
    assert names(tmp_path) == [f"step-0000000{step}" for step in range(6 - left, 6)]


@pytest.mark.fault(52)
def test_pruning_never_trusts_damaged_ones(tmp_path):
    for step in range(1, 6):
        save_checkpoint(tmp_path, step, {}, {})
    for step in (3, 4):
        flip(tmp_path / f"step-0000000{step}" / "state.json", 0)
    reports = []
    prune(tmp_path, 2, report=reports.append)
    assert names(tmp_path) == ["step-00000002", "step-00000004", "step-00000005"]
    assert len(reports) == 2


@pytest.mark.fault(52)
def test_pruning_stops_when_the_new_one_is_damaged(folder):
    flip(folder / "step-00000003" / "state.json", 0)
    with pytest.raises(DamagedError):
        prune(folder, 0, written=folder / "step-00000003")
    assert len(names(folder)) == 3


@pytest.mark.fault(52)
def test_pruning_keeps_the_one_just_written_below_stale_higher_ones(tmp_path):
    for step in (1, 7, 8, 9):
        save_checkpoint(tmp_path, step, {}, {})
    written = save_checkpoint(tmp_path, 2, {}, {})
    prune(tmp_path, 2, written=written)
    assert names(tmp_path) == ["step-00000002", "step-00000009"]


@pytest.mark.fault(52)
def test_a_failing_removal_is_reported(folder, monkeypatch):
    def refuse(old, new):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "rename", refuse)
    reports = []
    assert prune(folder, 2, report=reports.append) == []
    assert "can't be removed" in reports[0]
    assert len(names(folder)) == 3
