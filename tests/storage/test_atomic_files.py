"""Atomic files: whole or untouched, with the umask's mode, and errors that say what to do."""

import errno
import os
import resource
import signal
import stat

import pytest

from si_core.errors import StorageError
from si_core.storage import atomic
from si_core.storage.atomic import remove_temporaries, write_atomic
from si_core.storage.faults import FAULT_POINTS, set_fault_hook


def in_child(action):
    """Run ``action`` in a forked process and return how that ended."""
    child = os.fork()
    if child == 0:
        try:
            action()
        finally:
            os._exit(0)
    return os.waitpid(child, 0)[1]


@pytest.mark.parametrize("content", [b"new", lambda file: file.write(b"new")])
def test_writes_and_replaces(tmp_path, content):
    path = tmp_path / "été et espace.bin"
    path.write_bytes(b"old")
    write_atomic(path, content)
    assert path.read_bytes() == b"new"
    assert list(tmp_path.iterdir()) == [path]


def test_the_longest_name_works(tmp_path):
    path = tmp_path / ("é" * 127)
    write_atomic(path, b"x")
    assert path.read_bytes() == b"x"


@pytest.mark.fault(53)
@pytest.mark.parametrize("umask", [0o022, 0o077])
def test_mode_follows_the_umask(tmp_path, umask):
    before = os.umask(umask)
    try:
        write_atomic(tmp_path / "file", b"x")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "file").stat().st_mode) == 0o666 & ~umask


@pytest.mark.fault(39)
@pytest.mark.parametrize("point", [name for name in FAULT_POINTS if name.startswith("atomic")])
def test_a_kill_leaves_old_or_new(tmp_path, point):
    path = tmp_path / "file"
    path.write_bytes(b"old")

    def write():
        set_fault_hook(lambda name: os.kill(os.getpid(), signal.SIGKILL) if name == point else None)
        write_atomic(path, b"new")

    assert os.WTERMSIG(in_child(write)) == signal.SIGKILL
    assert path.read_bytes() == (b"new" if point == "atomic: renamed" else b"old")
    remove_temporaries(tmp_path)
    assert list(tmp_path.iterdir()) == [path]


def test_an_error_of_the_writer_leaves_the_old_file(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"old")

    def fail(file):
        file.write(b"half")
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        write_atomic(path, fail)
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.fault(41)
def test_a_limit_on_file_sizes_is_a_full_disk(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"old")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))
    try:
        with pytest.raises(StorageError) as caught:
            write_atomic(path, b"x" * 2000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    message = str(caught.value)
    assert str(path) in message
    assert "2000 bytes needed" in message
    assert "free" in message
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.fault(41, 42)
@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EROFS, errno.EACCES, errno.EIO])
def test_system_errors_become_storage_errors(tmp_path, monkeypatch, code):
    def refuse(descriptor):
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(atomic.os, "fsync", refuse)
    with pytest.raises(StorageError, match=os.strerror(code)) as caught:
        write_atomic(tmp_path / "file", b"abc")
    assert caught.value.code == 4
    assert (code == errno.EIO) or "3 bytes needed" in str(caught.value)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.fault(42)
def test_a_vanished_folder_is_loud(tmp_path):
    with pytest.raises(StorageError, match="does not exist"):
        write_atomic(tmp_path / "gone" / "file", b"x")
