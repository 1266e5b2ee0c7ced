"""Atomic files: a file is either the old one or the new one, whole, whenever the process or the machine stops.

The new content goes to a temporary file beside the target, is synced to the disk, and is renamed over the target; at
last the folder is synced, without which a power loss could undo the rename. Modes follow the umask.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
import secrets
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

from si_core.errors import StorageError
from si_core.storage.faults import fault_point
from si_core.storage.own_files import remove_own

__all__ = ["open_new", "publish", "remove_temporaries", "storage_error", "sync_folder", "write_atomic"]

_TEMPORARY = re.compile(r"\..*\.tmp-[0-9a-f]{12}", re.DOTALL)
_NO_SPACE = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_NOT_WRITABLE = {errno.EROFS, errno.EACCES, errno.EPERM}


def write_atomic(path: Path | str, content: bytes | Callable[[BinaryIO], object]) -> None:
    """Write a file so that ``path`` never holds a part of it; a link that stands there is replaced, not followed.

    Args:
        path: the file; its folder must exist.
        content: the bytes, or a function that writes them to the open file it is given.

    Raises:
        StorageError: the disk is full (with the bytes needed and free), the folder is gone or not writable. The old
            file is intact and the temporary one is removed.
    """
    path = Path(path)
    # The name is cut, as a file name has at most 255 bytes and the target may use them all.
    temporary = path.with_name(f".{path.name[:40]}.tmp-{secrets.token_hex(6)}")
    needed = len(content) if isinstance(content, bytes) else 0
    try:
        try:
            with open_new(temporary) as file:
                fault_point("atomic: opened")
                if isinstance(content, bytes):
                    file.write(content)
                else:
                    content(file)
                    needed = file.tell()
                file.flush()
                fault_point("atomic: written")
                os.fsync(file.fileno())
                fault_point("atomic: synced")
            _rename(temporary, path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
    except OSError as error:
        raise storage_error(path, error, needed) from error


def publish(temporary: Path, path: Path) -> None:
    """Give a file that was written and synced elsewhere on the same disk its place, whole and at once.

    Raises:
        StorageError: as for :func:`write_atomic`; the temporary file stays.
    """
    try:
        fault_point("atomic: synced")
        _rename(temporary, path)
    except OSError as error:
        raise storage_error(path, error) from error


def _rename(temporary: Path, path: Path) -> None:
    os.replace(temporary, path)
    fault_point("atomic: renamed")
    sync_folder(path.parent)


@contextlib.contextmanager
def open_new(path: Path) -> Iterator[BinaryIO]:
    """Create ``path``, which must not exist, for writing, with the mode that the umask leaves of rw-rw-rw-."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o666)
    with os.fdopen(descriptor, "wb") as file:
        yield file


def sync_folder(folder: Path) -> None:
    """Make the names in ``folder`` survive a power loss."""
    if os.name == "nt":
        return  # Windows can't open a folder; its renames are journalled
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        # Some network file systems have no sync of folders; there is nothing better to do on them.
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):
            raise
    finally:
        os.close(descriptor)


def remove_temporaries(folder: Path) -> list[Path]:
    """Remove what killed writers left in ``folder``, and return it; only the owner of the folder may call this."""
    left = sorted(path for path in folder.iterdir() if _TEMPORARY.fullmatch(path.name))
    for path in left:
        try:
            remove_own(path)
        except OSError as error:
            raise storage_error(path, error) from error
    return left


def storage_error(path: Path, error: OSError, needed: int = 0) -> StorageError:
    """The error for the user behind a system error at ``path``; ``needed`` bytes were to be written (0: unknown)."""
    if error.errno in _NO_SPACE:
        need = f"{needed} bytes needed" if needed else "no room for the file"
        return StorageError(
            "the disk is full or a quota or limit on file sizes is reached",
            where=str(path),
            got=f"{need}, {_free(path.parent)} free ({error.strerror})",
            fix="free some space, or choose another folder with --out",
        )
    if error.errno in _NOT_WRITABLE:
        return StorageError(
            "no permission, or the disk is read-only",
            where=str(path),
            got=f"{error.strerror}; {needed} bytes needed, {_free(path.parent)} free",
            fix="check the permissions of the folder, or choose another one with --out",
        )
    if error.errno == errno.ENOENT:
        return StorageError("the file or its folder does not exist", where=str(path), got=error.strerror)
    return StorageError("the file system reports an error", where=str(path), got=str(error))


def _free(folder: Path) -> str:
    try:
        return f"{shutil.disk_usage(folder).free} bytes"
    except OSError as error:
        return f"an unknown number of bytes ({error.strerror})"
