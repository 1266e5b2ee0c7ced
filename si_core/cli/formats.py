"""Which file samples go to, and in which format: ``--out`` of ``si sample``."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from si_core.errors import StorageError, UsageError
from si_core.runs.directory import RunDirectory

if TYPE_CHECKING:
    from collections.abc import Callable

    from si_core.runs.sample_formats.base import SampleForm, SampleFormat

__all__ = ["SUFFIXES", "checked_out", "format_of"]

SUFFIXES = (".npy", ".npz", ".safetensors", ".csv", ".parquet")
"""Of files; images go into a folder."""
_SIDE = (".weights.npy", ".labels.npy")


def checked_out(given: str) -> Path:
    """The file or folder that ``--out`` names, before anything is loaded.

    Raises:
        UsageError: another format, or a name that a run keeps for itself.
        StorageError: no folder to write in.
    """
    out = Path(given)
    if not _is_folder(given) and out.suffix not in SUFFIXES:
        fix = f"--out {out.with_suffix('.npy')}" if out.name else "--out samples.npy"
        allowed = f"{', '.join(SUFFIXES)}, or a folder of images, with a slash at its end"
        raise UsageError("another format", where="--out", got=str(out), allowed=allowed, fix=fix)
    if not out.name or out.name == "..":
        raise UsageError("a new folder, by its name", where="--out", got=given, fix="--out pictures/")
    if not out.parent.is_dir():
        raise StorageError("no such folder", where="--out", got=str(out.parent), fix=f"mkdir -p {out.parent}")
    for path in (out, *(out.with_suffix(side) for side in _SIDE)):
        if RunDirectory(out.parent).keeps(path):
            fix = "another name, or leave --out away for one that no other request has"
            raise UsageError("a run keeps a file of its own there", where="--out", got=str(path), fix=fix)
    return out


def format_of(out: Path, form: SampleForm, given: str | None) -> SampleFormat:
    """The format of a file by its suffix; images for a folder.

    Args:
        out: the file or folder.
        form: what the samples are.
        given: ``--out`` as it was written, if it was.
    """
    from si_core.runs.sample_formats.numpy_files import NpyFile, NpzFile
    from si_core.runs.sample_formats.pictures import PictureFolder
    from si_core.runs.sample_formats.tables import CsvFile, ParquetFile
    from si_core.runs.sample_formats.tensors import TensorsFile

    if given is not None and _is_folder(given):
        return PictureFolder(form)
    made: tuple[Callable[[SampleForm], SampleFormat], ...] = (NpyFile, NpzFile, TensorsFile, CsvFile, ParquetFile)
    return dict(zip(SUFFIXES, made, strict=True))[out.suffix](form)


def _is_folder(given: str) -> bool:
    return given.endswith(("/", os.sep)) or Path(given).is_dir()
