"""Folders of new runs: no two runs ever get the same one, and their names sort in the order of their making."""

from __future__ import annotations

import os
import re
import secrets
from datetime import UTC, datetime, timedelta
from pathlib import Path

from si_core.errors import StorageError
from si_core.storage.atomic import storage_error

__all__ = ["claimed", "folder_name", "made_below"]

_UNFIT = re.compile(r'[\x00-\x1f\x7f/\\:*?"<>|]+')
_NAMED = re.compile(r"\d{8}-\d{6}-[0-9a-f]{6}")
_TIME = "%Y%m%d-%H%M%S"
_TRIES = 20


def made_below(parent: Path) -> Path:
    """A new folder ``<UTC>-<6 characters>`` in the folder of a recipe's runs, which is made where it is missing.

    Raises:
        StorageError: it can't be made.
    """
    time = _time_of_name(parent)
    for _ in range(_TRIES):
        # Only the exclusive mkdir makes the name unique: two may begin at one instant.
        path = parent / f"{time}-{secrets.token_hex(3)}"
        try:
            parent.mkdir(parents=True, exist_ok=True)
            path.mkdir()
        except FileExistsError as error:
            if not parent.is_dir():
                raise StorageError("a file is in the way of the folder of runs", where=str(parent)) from error
        except OSError as error:
            raise storage_error(path, error) from error
        else:
            return path
    raise StorageError("no free name for the run", where=str(parent), got=f"{_TRIES} names taken", fix="give --out DIR")


def claimed(path: Path) -> Path:
    """A folder that the caller chose, made where it is missing and taken for its run; returns it.

    Raises:
        StorageError: it is in use, or can't be made.
    """
    fix = "choose a folder that is new or empty, or go on with this run by --resume"
    try:
        path.mkdir(parents=True, exist_ok=True)
        if any(path.iterdir()):
            raise StorageError("the folder is not empty", where=str(path), allowed="a new or empty folder", fix=fix)
        # Two runs may see the same empty folder; the one that makes the lock file has it.
        os.close(os.open(path / ".lock", os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666))
    except FileExistsError as error:
        if path.is_dir():
            raise StorageError("another run has just taken the folder", where=str(path), fix=fix) from error
        raise StorageError("a file is in the way", where=str(path), allowed="a new or empty folder", fix=fix) from error
    except OSError as error:
        raise storage_error(path, error) from error
    except ValueError as error:
        raise StorageError("not a path", where=repr(str(path)), got=str(error)) from error
    return path


def folder_name(recipe: str) -> str:
    """The name of a recipe as that of a folder, with hyphens for what a file name can't have."""
    # A leading dot would hide the folder or leave it ("..").
    name = _UNFIT.sub("-", recipe).strip(". ")
    return name.encode(errors="replace")[:120].decode(errors="ignore").strip(". ") or "run"


def _time_of_name(parent: Path) -> str:
    """UTC for the name of a new run, later than those of all runs there: who looks for the newest goes by the names.

    So their order is that of their making, though a clock may be set back between two runs, or tell one second of both.
    """
    now = datetime.now(UTC).replace(microsecond=0)
    try:
        last = max((path.name[:15] for path in parent.iterdir() if _NAMED.fullmatch(path.name)), default="")
        later = datetime.strptime(last, _TIME).replace(tzinfo=UTC) + timedelta(seconds=1)
    except (OSError, ValueError, OverflowError):  # no folder yet, no run in it, or a name that is no time
        later = now
    return max(now, later).strftime(_TIME)
