"""One owner per run directory.

The owner holds an exclusive ``flock`` on a file in which its host, process id and start time stand. The kernel gives
the lock back when the process ends, however it ends; so where flock works, a record without a lock is stale. flock
does not reach across hosts on every network file system, hence a record of another host needs a person's word.
Where flock does not work at all, a living process id counts as the owner.
"""

from __future__ import annotations

import errno
import os
import socket
import time
import weakref
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any

from si_core.errors import StorageError
from si_core.storage.atomic import storage_error
from si_core.storage.own_files import open_own
from si_core.storage.strict_json import format_json, parse_json

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

__all__ = ["Owner", "RunLock", "is_alive"]

_UNSUPPORTED = {errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOLCK, errno.EINVAL}


@dataclass(frozen=True)
class Owner:
    """Who holds a lock: host name, process id, and since when (UTC)."""

    host: str
    pid: int
    since: str

    def __str__(self) -> str:
        return f"process {self.pid} on {self.host}, since {self.since}"


class RunLock:
    """The lock of a run directory, or of another folder that one process works in; a context manager.

    Args:
        path: the lock file, ``RunDirectory.lock``.
        take_over: also take a record of another host. A lock that is held by a living process is never taken.
        report: called with a note when a stale lock is taken.
        what: what the folder is of, for errors.
        gone: what to do about an owner on another host that is gone.

    Raises:
        StorageError: on entering: the run has an owner (host, process id, since), the file can't be written, or a
            link stands in its place.
    """

    def __init__(
        self,
        path: Path,
        take_over: bool = False,
        report: Callable[[str], object] = print,
        what: str = "this run",
        gone: str = "--take-over",
    ) -> None:
        self.path, self.take_over, self.report, self.what, self.gone = Path(path), take_over, report, what, gone
        self._descriptor: int | None = None

    def __enter__(self) -> RunLock:
        try:
            self._descriptor = open_own(self.path, os.O_RDWR)
            try:
                self._acquire(self._descriptor)
            except BaseException:
                self._close()
                raise
        except OSError as error:
            raise storage_error(self.path, error) from error
        _HELD.add(self)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._descriptor is None:
            return
        # The file stays: removing it would let a third process lock a new file beside a second one's old file.
        try:
            os.ftruncate(self._descriptor, 0)
        except OSError as problem:
            self.report(f"{self.path}: the record of this process stays in the lock file: {problem}")
        finally:
            self._close()

    def _acquire(self, descriptor: int) -> None:
        locked = _flock(descriptor)
        owner = _read(descriptor)
        if locked is False:
            if owner is None:
                time.sleep(0.1)  # the owner may be about to write its record
                owner = _read(descriptor)
            raise self._refusal(owner, "wait for it, or stop that process")
        here = socket.gethostname()
        if owner is not None and owner.host != here:
            if not self.take_over:
                raise self._refusal(
                    owner,
                    f"it can't be seen from this host ({here}) whether that process lives; if it is gone: {self.gone}",
                )
            self.report(f"{self.path}: taken over from {owner}")
        elif owner is not None:
            if locked is None and owner.pid != os.getpid() and is_alive(owner.pid):
                raise self._refusal(owner, "wait for it, or stop that process")
            self.report(f"{self.path}: stale lock taken; its owner is gone: {owner}")
        record = Owner(here, os.getpid(), datetime.now(UTC).isoformat(timespec="seconds"))
        os.ftruncate(descriptor, 0)
        os.lseek(descriptor, 0, os.SEEK_SET)
        os.write(descriptor, format_json(asdict(record), str(self.path)))
        os.fsync(descriptor)

    def _refusal(self, owner: Owner | None, fix: str) -> StorageError:
        got = str(owner) if owner else "a process whose record can't be read"
        return StorageError(f"another process owns {self.what}", where=str(self.path.parent), got=got, fix=fix)

    def _close(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


def is_alive(pid: int) -> bool:
    """Whether a process with this id exists on this host; True where that can't be asked without harm (Windows)."""
    if os.name == "nt":
        return True
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        return True
    return True


def _flock(descriptor: int) -> bool | None:
    """True: locked now. False: another process holds the lock. None: the file system has no flock."""
    if fcntl is None:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in (errno.EWOULDBLOCK, errno.EACCES):
            return False
        if error.errno in _UNSUPPORTED:
            return None
        raise
    return True


def _read(descriptor: int) -> Owner | None:
    """The record in the file; None where there is none or a kill left half of one."""
    os.lseek(descriptor, 0, os.SEEK_SET)
    try:
        record: Any = parse_json(os.read(descriptor, 4096), "lock")
    except StorageError:
        return None
    if not isinstance(record, dict) or set(record) != {"host", "pid", "since"}:
        return None
    host, pid, since = record["host"], record["pid"], record["since"]
    if isinstance(host, str) and isinstance(pid, int) and pid > 0 and isinstance(since, str):
        return Owner(host, pid, since)
    return None


_HELD: weakref.WeakSet[RunLock] = weakref.WeakSet()


def _close_in_child() -> None:
    # A flock lives as long as any copy of its descriptor: a data loader's orphan would keep a dead run locked.
    for lock in list(_HELD):
        lock._close()
    _HELD.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_close_in_child)
