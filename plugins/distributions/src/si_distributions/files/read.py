"""Reading a data file by its suffix, with the faults that any file can have."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from pathlib import Path

from si_core import DataError, UsageError
from si_distributions.files.contents import Contents
from si_distributions.files.numpy_files import read_npy, read_npz
from si_distributions.files.parquet import read_parquet
from si_distributions.files.text_table import read_csv

__all__ = ["near", "read"]

SUFFIXES = (".npy", ".npz", ".csv", ".parquet")


def read(
    path: str,
    key: str | None = None,
    columns: Sequence[int | str] | None = None,
    label: int | str | None = None,
    conditions: Sequence[int | str] = (),
) -> Contents:
    """The rows of a file, checked for everything but missing values.

    Args:
        path: of a .npy, .npz, .csv or .parquet file; relative to the current directory.
        key: the array of a .npz file.
        columns: names or indices of the columns to keep, in this order.
        label: name or index of the column of labels; for .npz also the key of an array of labels.
        conditions: names or indices of columns, and for .npz keys of arrays, that networks are given.

    Raises:
        DataError: a file that is missing, empty, damaged or of another form.
    """
    file, suffix = Path(path), Path(path).suffix.lower()
    if suffix not in SUFFIXES:
        raise DataError("unknown file format", where=path, got=repr(suffix), allowed=", ".join(SUFFIXES))
    if key is not None and suffix != ".npz":
        raise UsageError("only .npz files have keys", where=path, got=f"key {key!r}", fix="leave key out")
    if not file.is_file():
        problem = "this is a directory, not a file" if file.is_dir() else "no such file"
        raise DataError(problem, where=path, got=repr(str(file.absolute())), fix=None if file.is_dir() else near(file))
    try:
        if file.stat().st_size == 0:
            raise DataError("the file is empty", where=path, got="0 bytes")
        contents = (
            read_npz(file, key, columns, label, path, conditions)
            if suffix == ".npz"
            else {".npy": read_npy, ".csv": read_csv, ".parquet": read_parquet}[suffix](
                file, columns, label, path, conditions
            )
        )
    except OSError as error:
        raise DataError("the file can't be read", where=path, got=error.strerror or str(error)) from error
    if 0 in contents.values.shape:
        got = f"shape {contents.values.shape}"
        raise DataError("there are no numbers in it", where=path, got=got, allowed="shape (N, *event), all positive")
    return contents


def near(path: Path) -> str | None:
    """A suggestion of files with a similar name beside a missing one."""
    if not path.parent.is_dir():
        return None
    found = difflib.get_close_matches(path.name, [entry.name for entry in path.parent.iterdir()], 3, 0.75)
    return f"did you mean {' or '.join(found)}?" if found else None
