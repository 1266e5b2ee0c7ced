"""The lock of a run: refused while its owner lives, taken with a note when it is gone."""

import json
import os
import signal
import socket
import subprocess
import sys

import pytest

from si_core.errors import StorageError
from si_core.storage import lock
from si_core.storage.lock import RunLock, is_alive

HOLD = """
import sys, time
from pathlib import Path
from si_core.storage.lock import RunLock
with RunLock(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def path(tmp_path):
    return tmp_path / ".lock"


@pytest.fixture
def owner(path):
    process = subprocess.Popen([sys.executable, "-c", HOLD, str(path)], stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "held\n"
    yield process
    process.kill()
    process.wait()
    process.stdout.close()


def record(path, pid, host=None):
    path.write_text(
        json.dumps({"host": host or socket.gethostname(), "pid": pid, "since": "2026-01-01T00:00:00+00:00"})
    )


def dead_pid():
    child = os.fork()
    if child == 0:
        os._exit(0)
    os.waitpid(child, 0)
    return child


@pytest.mark.fault(57)
@pytest.mark.parametrize("take_over", [False, True])
def test_a_living_owner_is_named_and_never_robbed(path, owner, take_over):
    with pytest.raises(StorageError) as caught, RunLock(path, take_over=take_over):
        pass
    message = str(caught.value)
    assert f"process {owner.pid} on {socket.gethostname()}, since 20" in message
    assert caught.value.code == 4


def test_the_lock_of_a_killed_owner_is_taken_with_a_note(path, owner):
    owner.send_signal(signal.SIGKILL)
    owner.wait()
    notes = []
    with RunLock(path, report=notes.append):
        assert json.loads(path.read_text())["pid"] == os.getpid()
    assert len(notes) == 1
    assert f"process {owner.pid}" in notes[0]


def test_release_leaves_no_record_and_no_note(path):
    notes = []
    for _ in range(2):
        with RunLock(path, report=notes.append):
            pass
    assert notes == []
    assert path.read_bytes() == b""


def test_a_second_lock_in_one_process_is_refused(path):
    with RunLock(path), pytest.raises(StorageError, match="owns this run"), RunLock(path):
        pass


@pytest.mark.fault(57)
def test_another_host_needs_a_word(path):
    record(path, 17, host="elsewhere")
    with pytest.raises(StorageError, match="process 17 on elsewhere") as caught, RunLock(path):
        pass
    assert "--take-over" in str(caught.value)
    notes = []
    with RunLock(path, take_over=True, report=notes.append):
        pass
    assert "taken over from process 17 on elsewhere" in notes[0]


def test_a_reused_process_id_does_not_block(path):
    record(path, os.getppid())
    notes = []
    with RunLock(path, report=notes.append):
        pass
    assert len(notes) == 1


@pytest.mark.parametrize("text", ["", "{", '{"host": 1, "pid": 2, "since": ""}', "[]", "\x00" * 50])
def test_a_broken_record_is_no_owner(path, text):
    path.write_text(text)
    with RunLock(path, report=pytest.fail):
        assert json.loads(path.read_text())["pid"] == os.getpid()


@pytest.mark.fault(57)
def test_without_flock_the_process_id_decides(path, monkeypatch):
    monkeypatch.setattr(lock, "_flock", lambda descriptor: None)
    record(path, os.getppid())
    with pytest.raises(StorageError, match=f"process {os.getppid()}"), RunLock(path):
        pass
    record(path, dead_pid())
    notes = []
    with RunLock(path, report=notes.append):
        pass
    assert "stale" in notes[0]


def test_a_forked_worker_does_not_keep_or_drop_the_lock(path):
    read, write = os.pipe()
    held = RunLock(path)
    with held:
        child = os.fork()
        if child == 0:
            held.__exit__(None, None, None)  # as a worker that leaves the block would
            os.write(write, b"x")
            signal.pause()
            os._exit(0)
        try:
            os.read(read, 1)
            assert json.loads(path.read_text())["pid"] == os.getpid()
            with pytest.raises(StorageError), RunLock(path):
                pass
            held.__exit__(None, None, None)
            with RunLock(path):
                pass
        finally:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            os.close(read)
            os.close(write)


def test_is_alive():
    assert is_alive(os.getpid())
    assert is_alive(1)
    assert not is_alive(dead_pid())
    assert not is_alive(2**80)
