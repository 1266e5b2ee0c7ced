"""Folders that appear whole: filled beside their place, and renamed to it."""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from si_core.errors import StorageError
from si_core.storage.atomic import storage_error, sync_folder
from si_core.storage.faults import fault_point

__all__ = ["new_folder"]


@contextmanager
def new_folder(path: Path) -> Iterator[Path]:
    """A temporary folder that takes the place of ``path`` once the block has ended without an error.

    At every moment there is the old folder, the new one, or none: never a part of it. A kill may leave a hidden folder
    ``.NAME.tmp-...`` or ``.NAME.old-...`` beside it.

    Args:
        path: the folder; its parents are made. An older one of this name is replaced.

    Raises:
        StorageError: the place can't be written, or is a file.
    """
    path = Path(os.path.realpath(path))  # of a link, where it leads
    if path.exists() and not path.is_dir():
        raise StorageError("a file is in the way", where=str(path), allowed="a folder")
    if _holds_current(path):
        # Whoever is in it would be left in a folder that is no longer there.
        problem, fix = "the current directory can't be replaced", "name a new folder, such as ./model"
        raise StorageError(problem, where=str(path), fix=fix)
    mark = secrets.token_hex(6)
    temporary, old = (path.with_name(f".{path.name[:40]}.{word}-{mark}") for word in ("tmp", "old"))
    try:
        temporary.mkdir(parents=True)
        try:
            yield temporary
            fault_point("folder: filled")
            sync_folder(temporary)
            if path.exists():
                os.rename(path, old)
                fault_point("folder: old one set aside")
            os.rename(temporary, path)
        except BaseException:
            if old.exists() and not path.exists():
                os.rename(old, path)
            shutil.rmtree(temporary, ignore_errors=True)
            raise
        fault_point("folder: published")
        sync_folder(path.parent)
    except OSError as error:
        raise storage_error(path, error) from error
    shutil.rmtree(old, ignore_errors=True)


def _holds_current(path: Path) -> bool:
    try:
        return Path(os.path.realpath(os.getcwd())).is_relative_to(path)
    except OSError:  # it is no longer there
        return False
