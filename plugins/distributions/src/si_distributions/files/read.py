"""Reading a data file by its suffix, with the faults that any file can have."""

from __future__ import annotations

import difflib
import logging
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from si_core import DataError, UsageError
from si_distributions.files.contents import Contents
from si_distributions.files.numpy_files import read_npy, read_npz
from si_distributions.files.parquet import parquet_names, read_parquet
from si_distributions.files.reader import Chosen, folder_suffixes, reader_of, suffixes, unknown_format
from si_distributions.files.rounding import warn_of_rounding
from si_distributions.files.text_form import Header, text_form
from si_distributions.files.text_table import read_text, reading_text

__all__ = ["TEXT", "names_in", "near", "opened", "read", "refuse_no_file"]

TEXT = (".csv", ".tsv", ".txt")
SUFFIXES = (".npy", ".npz", *TEXT, ".parquet")
_log = logging.getLogger(__name__)


def read(
    path: str,
    key: str | None = None,
    columns: Sequence[int | str] | None = None,
    label: int | str | None = None,
    conditions: Sequence[int | str] = (),
    header: Header = "auto",
) -> Contents:
    """The rows of a file, checked for everything but missing values.

    Args:
        path: of a .npy, .npz, .parquet or text file, or of another one that an installed reader knows
            (:mod:`.reader`); relative to the current directory.
        key: the array of a file that holds several.
        columns: names or indices of the columns to keep, in this order.
        label: name or index of the column of labels; for .npz also the key of an array of labels.
        conditions: names or indices of columns, and for .npz keys of arrays, that networks are given.
        header: whether the first row of a text file has names.

    Raises:
        DataError: a file that is missing, empty, damaged or of another form.
    """
    suffix, further = Path(path).suffix.lower(), suffixes()
    of_text = None if header == "auto" else header
    for name, given, suits, others in (("key", key, (".npz",), further), ("header", of_text, TEXT, ())):
        if given is not None and suffix in (*SUFFIXES, *further) and suffix not in (*suits, *others):
            problem = f"only {', '.join(suits)} files have one" + (f", and {', '.join(others)}" if others else "")
            raise UsageError(problem, where=path, got=f"{name} {given!r}", fix=f"leave {name} out")
    with opened(path, (*SUFFIXES, *further), folder_suffixes()) as file:
        if suffix in further:
            contents = reader_of(suffix).read(file, Chosen(key, columns, label, conditions), path)
        elif suffix == ".npz":
            contents = read_npz(file, key, columns, label, path, conditions)
        elif suffix == ".npy":
            contents = read_npy(file, columns, label, path, conditions)
        elif suffix == ".parquet":
            contents = read_parquet(file, columns, label, path, conditions)
        else:
            contents = read_text(file, columns, label, path, conditions, header)
    if 0 in contents.shape:
        got = f"shape {contents.shape}"
        raise DataError("there are no numbers in it", where=path, got=got, allowed="shape (N, *event), all positive")
    warn_of_rounding(contents, path)
    _log.info("%s: %s", path, contents.described())
    return contents


def names_in(path: str) -> tuple[str, ...] | None:
    """The names of the columns of a file, without its rows; None where it has none.

    Raises:
        DataError: as for :func:`read`.
    """
    further = suffixes()
    with opened(path, (*SUFFIXES, *further), folder_suffixes()) as file:
        if file.suffix.lower() in further:
            return reader_of(file.suffix.lower()).names(file, path)
        if file.suffix.lower() == ".parquet":
            return parquet_names(file, path)
        if file.suffix.lower() not in TEXT:
            return None
        with reading_text(file, path):
            form = text_form(file, path)
    return form.names if form.header else None


@contextmanager
def opened(path: str, known: Sequence[str], folders: Sequence[str] = ()) -> Iterator[Path]:
    """The file at a path, with the faults that any file can have.

    Args:
        path: as the user wrote it.
        known: the suffixes that it may have.
        folders: those of them that folders have.

    Raises:
        DataError: another suffix, no file there, an empty one, or one that can't be read; of a link to a file of
            another suffix it shows no text.
    """
    file = Path(path)
    suffix = file.suffix.lower()
    if suffix not in known:
        raise unknown_format(suffix, path, known)
    if suffix in folders and file.is_file():
        raise DataError(
            f"a {suffix} data set is a folder, and this is a file", where=path, fix="unpack it, if it is one"
        )
    if suffix not in folders or not file.is_dir():
        refuse_no_file(file, path)
    try:
        if suffix not in folders and file.stat().st_size == 0:
            raise DataError("the file is empty", where=path, got="0 bytes", fix="write or copy it again")
        yield file
    except DataError:
        real = Path(os.path.realpath(file))
        if real.suffix.lower() in known:
            raise
        # A stranger's folder may hold links to anything of its reader's; errors quote cells of tables alone.
        fix = "to be told what is wrong, name that file itself under such a suffix"
        problem = "a link to a file that is no table; nothing of it is shown"
        raise DataError(problem, where=path, got=repr(str(real)), fix=fix) from None
    except OSError as error:
        raise DataError("the file can't be read", where=path, got=error.strerror or str(error)) from error


def refuse_no_file(file: Path, where: str) -> None:
    """Refuse a path at which no file is that ends: nothing, a directory, a pipe or a device.

    Raises:
        DataError: what is there, or what is there instead.
    """
    if file.is_file():
        return
    got = repr(str(file.absolute()))
    if file.is_dir():
        raise DataError("this is a directory, not a file", where=where, got=got, fix="name a file in it")
    if file.exists():
        raise DataError("a pipe or a device, not a file", where=where, got=got, fix="copy what it gives into a file")
    if os.path.lexists(file):
        raise DataError("a link that leads nowhere", where=where, got=got, fix="put its file back, or name another")
    shown = "~ and $ in paths stand for themselves: write the path out" if set("~$") & set(where) else None
    start = "in a recipe it starts at the recipe's folder (of a built-in one: say target.path=FILE)"
    fix = near(file) or shown or f"check the path: {start}"
    raise DataError("no such file", where=where, got=got, fix=fix)


def near(path: Path) -> str | None:
    """A suggestion of files with a similar name beside a missing one."""
    if not path.parent.is_dir():
        return None
    there = [entry.name for entry in path.parent.iterdir()]
    # Another case is the likeliest slip, whatever else is there.
    found = [name for name in there if name.casefold() == path.name.casefold()]
    found = found or difflib.get_close_matches(path.name, there, 3, 0.75)
    return f"did you mean {' or '.join(found)}?" if found else None
