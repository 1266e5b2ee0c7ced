"""Files and folders that a program keeps in a folder of its own: what stands in their place is never followed.

A folder may be a stranger's. A symbolic link, a pipe or a device in place of a log, a lock or a folder of checkpoints
would lead what is written, emptied or removed to somewhere else. The folder itself may be a link: whoever names it
means where it leads.
"""

from __future__ import annotations

import errno
import os
import shutil
import stat
from io import BufferedReader
from pathlib import Path

from si_core.errors import StorageError

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

__all__ = ["make_own_folder", "open_own", "open_to_read", "path_of", "read_own", "refuse_link", "remove_own"]

LARGEST_READ = 1 << 30
"""Bytes of the largest file that is read at once; a file with a hole may be of any size and take no room."""

_LINK = {errno.ELOOP, errno.EMLINK}  # what Linux and macOS, and what FreeBSD says of a link that must not be followed


def open_own(path: Path, flags: int) -> int:
    """Open a file for writing, made if absent with the mode that the umask leaves; returns its descriptor.

    Args:
        path: the file.
        flags: ``os.O_RDWR``, ``os.O_WRONLY | os.O_APPEND``, ...

    Raises:
        StorageError: a link, or something else that is no file, stands in its place; nothing is changed.
        OSError: it can't be opened.
    """
    # A pipe without a reader would block; an ordinary file knows no difference.
    flags |= os.O_CREAT | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    if path.is_symlink():  # the flag above closes the moment in between, where the system has it
        raise _in_the_way(path)
    try:
        descriptor = os.open(path, flags, 0o666)
    except OSError as error:
        if error.errno in _LINK or (error.errno == errno.ENXIO and path.exists()):
            raise _in_the_way(path) from error
        raise
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise _in_the_way(path)
    return descriptor


def open_to_read(path: Path) -> BufferedReader:
    """Open a file for reading, which may be a link to one.

    Raises:
        StorageError: what stands in its place would never end, or be waited for: a pipe, a device.
        OSError: it can't be opened, or is a folder.
    """
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    try:
        mode = os.fstat(descriptor).st_mode
        if not stat.S_ISREG(mode):
            if stat.S_ISDIR(mode):
                raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
            raise StorageError("no file", where=str(path), got="a pipe, a device or the like", fix="remove it")
        return os.fdopen(descriptor, "rb")
    except BaseException:
        os.close(descriptor)
        raise


def read_own(path: Path, longest: int = LARGEST_READ) -> bytes:
    """The bytes of a file.

    Args:
        path: the file.
        longest: bytes that it may have.

    Raises:
        StorageError: as :func:`open_to_read`; or it is longer.
        OSError: it can't be read.
    """
    with open_to_read(path) as file:
        size = os.fstat(file.fileno()).st_size
        if size > longest:
            raise StorageError("too large a file", where=str(path), got=f"{size} bytes", allowed=f"{longest} bytes")
        return file.read()


def make_own_folder(path: Path) -> Path:
    """Make a folder where there is none, with its parents; returns it.

    Raises:
        StorageError: a link or a file stands in its place.
        OSError: it can't be made.
    """
    refuse_link(path, "a folder")
    try:
        path.mkdir(parents=True, exist_ok=True)
    except FileExistsError as error:
        raise StorageError("a file is in the way", where=str(path), allowed="a folder") from error
    return path


def refuse_link(path: Path, allowed: str) -> None:
    """Refuse a symbolic link in place of what is to be changed.

    Raises:
        StorageError: there is one.
    """
    if path.is_symlink():
        raise _in_the_way(path, allowed)


def remove_own(path: Path) -> None:
    """Remove a folder with all that is in it, a file or a link; where a link leads nothing is removed.

    Raises:
        OSError: it can't be removed.
    """
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def path_of(descriptor: int) -> Path | None:
    """Where an open file is by now, if its folder was renamed; None where it is gone or the system does not tell."""
    try:
        if hasattr(fcntl, "F_GETPATH"):  # macOS
            name = os.fsdecode(fcntl.fcntl(descriptor, fcntl.F_GETPATH, bytes(1024)).rstrip(b"\0"))
        else:
            name = os.readlink(f"/proc/self/fd/{descriptor}")
        return Path(name) if os.path.samestat(os.stat(name), os.fstat(descriptor)) else None
    except OSError:
        return None


def _in_the_way(path: Path, allowed: str = "a file") -> StorageError:
    try:
        got = f"a symbolic link to {os.readlink(path)!r}"
    except OSError:
        got = "a pipe, a device or the like"
    return StorageError(
        "what stands in its place is not followed",
        where=str(path),
        got=got,
        allowed=f"{allowed} of its own, or nothing",
        fix="remove it if you don't know why it is there; the folder of the run itself may be a link",
    )
