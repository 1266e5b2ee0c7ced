"""Putting a new package on the disk: all of it or nothing, and never over what is there."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from pathlib import Path

from si_core import UsageError
from si_core.public.storage import storage_error

__all__ = ["write_package"]


def write_package(folder: Path, files: Mapping[str, str]) -> None:
    """Write files into a folder that is new or empty.

    Args:
        folder: where to; it is made.
        files: their texts by path in the folder.

    Raises:
        UsageError: the folder exists and is not empty, or is no folder.
        StorageError: it can't be written; what was written by then is removed.
    """
    made: list[Path] = []
    try:
        _refuse_occupied(folder)
        for path, text in files.items():
            file = folder / path
            _make_folder(file.parent, made)
            with file.open("x", encoding="utf-8", newline="\n") as stream:
                made.append(file)
                stream.write(text)
    except OSError as error:
        _remove(made)
        raise storage_error(folder, error) from error
    except BaseException:
        _remove(made)
        raise


def _refuse_occupied(folder: Path) -> None:
    if folder.is_dir():
        there = sorted(path.name for path in folder.iterdir())
        got = f"a folder with {', '.join(there[:3])}{', ...' if len(there) > 3 else ''}" if there else ""
    else:
        got = "a file" if folder.exists() or folder.is_symlink() else ""
    if got:
        raise UsageError(
            "a new package needs a new or an empty folder",
            where=str(folder),
            got=got,
            fix="choose another one with --out",
        )


def _make_folder(folder: Path, made: list[Path]) -> None:
    """Make a folder and those above it that are missing."""
    missing = [path for path in (folder, *folder.parents) if not path.exists()]
    for path in reversed(missing):
        path.mkdir()
        made.append(path)


def _remove(made: list[Path]) -> None:
    for path in reversed(made):
        # What can't be removed either lies in the folder that the error names.
        with contextlib.suppress(OSError):
            path.rmdir() if path.is_dir() else path.unlink()
