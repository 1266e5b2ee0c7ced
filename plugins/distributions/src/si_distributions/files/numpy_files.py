"""Reading .npy and .npz files; a pickle is never loaded."""

from __future__ import annotations

import zipfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from si_core import DataError
from si_distributions.files.contents import Contents, choose_columns, refuse_dtype, with_conditions
from si_distributions.files.damaged import reading_bytes
from si_distributions.files.mapped_members import map_member

__all__ = ["load_mapped", "read_npy", "read_npz"]

_MAGIC = b"\x93NUMPY"


def read_npy(
    path: Path,
    columns: Sequence[int | str] | None,
    label: int | str | None,
    where: str,
    given: Sequence[int | str] = (),
) -> Contents:
    """The array of a .npy file.

    Raises:
        DataError: no .npy file, a truncated one, Python objects inside, or an array that is no table of rows.
    """
    mapped = load_mapped(path, where)
    refuse_dtype(mapped.dtype, "the array", where)
    # What reads the rows goes through them in blocks, and a file larger than memory stays where it is.
    return _table(mapped, columns, label, where, given)


def load_mapped(path: Path, where: str) -> NDArray[np.generic]:
    """The array of a .npy file, of any dtype, where it lies: nothing is read yet.

    Raises:
        DataError: no .npy file, a truncated one, or Python objects inside.
    """
    with path.open("rb") as file:
        if file.read(len(_MAGIC)) != _MAGIC:
            raise DataError(
                "this is no .npy file", where=where, fix="write it with numpy.save; pickles and text are never loaded"
            )
    with reading_bytes(where):
        try:
            # A memory map compares the file's size with what its header promises before anything is allocated.
            array: NDArray[np.generic] = np.load(path, mmap_mode="r", allow_pickle=False)
        except ValueError as error:
            if "Python objects" in str(error):
                refuse_dtype(np.dtype(object), "the array", where)
            if "mmap length" in str(error):
                raise ValueError(f"{path.stat().st_size} bytes, fewer than its header promises") from error
            raise
    _refuse_no_text(array, where)
    return array


def read_npz(
    path: Path,
    key: str | None,
    columns: Sequence[int | str] | None,
    label: int | str | None,
    where: str,
    given: Sequence[int | str] = (),
) -> Contents:
    """One array of a .npz file, with labels from another (by name) or from one of its columns (by index).

    Raises:
        DataError: as :func:`read_npy`, and for a key that is not there or is needed and not given.
    """
    with reading_bytes(where):
        is_zip = zipfile.is_zipfile(path)
    if not is_zip:
        raise DataError(
            "this is no .npz file, or one cut short",
            where=where,
            fix="write it with numpy.savez; pickles are never loaded",
        )
    with reading_bytes(where), np.load(path, allow_pickle=False) as archive:
        names = list(archive.files)
        others = [name for name in names if name != label and name not in given]
        if key is None and len(others) != 1:
            raise DataError("which array?", where=where, allowed=", ".join(names) or "none", fix="name it in key")
        wanted = others[0] if key is None else key
        mapped = map_member(path, wanted, where)
        values = _member(archive, wanted, where) if mapped is None else _checked(mapped, wanted, where, False)
        arrays = {name: _member(archive, name, where) for name in given if isinstance(name, str)}
        labels = _member(archive, label, where, any_dtype=True) if isinstance(label, str) else None
    for name, rows in arrays.items():
        if rows.ndim == 0 or len(rows) != len(values):
            got = f"{name!r} of shape {rows.shape}, {len(values)} rows"
            raise DataError("a condition has a value for each row", where=where, got=got)
    whole = [name for name in given if not isinstance(name, str)]
    chosen = _table(values, columns, None if isinstance(label, str) else label, where, whole)
    conditions = {**chosen.conditions, **{name: rows.astype(np.float64) for name, rows in arrays.items()}}
    if isinstance(label, str):
        return replace(chosen, labels=labels, label_name=label, conditions=conditions)
    return replace(chosen, conditions=conditions)


def _member(archive: np.lib.npyio.NpzFile, name: str, where: str, any_dtype: bool = False) -> NDArray[np.generic]:
    if name not in archive.files:
        allowed = ", ".join(archive.files) or "none"
        raise DataError("no array has this key", where=where, got=repr(name), allowed=allowed)
    try:
        member = archive[name]
    except ValueError as error:
        if "allow_pickle" in str(error):
            refuse_dtype(np.dtype(object), f"array {name!r}", where)
        raise
    if not isinstance(member, np.ndarray):
        raise DataError(f"{name!r} is no .npy array", where=where, fix="write the file with numpy.savez")
    return _checked(member, name, where, any_dtype)


def _checked(member: NDArray[np.generic], name: str, where: str, any_dtype: bool) -> NDArray[np.generic]:
    if not any_dtype:
        refuse_dtype(member.dtype, f"array {name!r}", where)
    _refuse_no_text(member, where)
    return member


def _refuse_no_text(array: NDArray[np.generic], where: str) -> None:
    """Refuse an array of text with numbers that stand for no letter: Python fails on it where it is first read."""
    if array.dtype.kind != "U" or not array.dtype.itemsize:
        return
    codes = np.frombuffer(array.tobytes(), dtype=np.dtype(np.uint32).newbyteorder(array.dtype.byteorder))
    wrong = (codes > 0x10FFFF) | ((codes >= 0xD800) & (codes < 0xE000))
    if bool(wrong.any()):
        got = f"the number {int(codes[wrong.argmax()]):#x} for a letter"
        raise DataError("the file is damaged: text that is none", where=where, got=got, fix="write or copy it again")


def _table(
    values: NDArray[np.generic],
    columns: Sequence[int | str] | None,
    label: int | str | None,
    where: str,
    given: Sequence[int | str] = (),
) -> Contents:
    if values.ndim == 0:
        raise DataError("a single number is no data set", where=where, got="a 0-d array", allowed="shape (N, *event)")
    values = values[:, None] if values.ndim == 1 else values
    if columns is None and label is None and not given:
        return Contents(values)
    if values.ndim != 2:
        got = f"shape {values.shape}"
        raise DataError("only an array (N, d) has columns", where=where, got=got, fix="leave columns and label out")
    chosen, label_index = choose_columns([""] * values.shape[1], columns, label, where, given)
    labels = None if label_index is None else np.array(values[:, label_index])
    own = len(chosen) - len(given)
    conditions = with_conditions(Contents(values[:, chosen[own:]], labels), given).conditions
    return Contents(_columns(values, chosen[:own]), labels, conditions=conditions)


def _columns(values: NDArray[np.generic], chosen: Sequence[int]) -> NDArray[np.generic]:
    """Columns as a view where they are evenly spaced, so that a mapped file is not copied; else as a copy."""
    steps = set(np.diff(chosen).tolist())
    if len(steps) > 1 or min(steps, default=1) < 1:
        return values[:, chosen]
    return values[:, chosen[0] : chosen[-1] + 1 : min(steps, default=1)]
