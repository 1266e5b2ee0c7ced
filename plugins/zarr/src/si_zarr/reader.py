"""The reader of .zarr folders: an array (N, *event), or a group of arrays (versions 2 and 3 of the format).

``key`` is the path of the events' array in the group, such as ``train/images``; it may be left out where there is one
array beside those of label and conditions. A label and conditions are arrays of the group by their paths, with an entry
for each row, or columns of a single array (N, d) by their places. Chunks are read when rows of them are drawn, so a row
costs its chunk: arrays that are chunked along their rows, by few of them, are the fast ones.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from si_core import DataError, UsageError
from si_distributions.files.contents import Contents, choose_columns, near_name, refuse_dtype, with_conditions
from si_distributions.files.damaged import reading_bytes
from si_distributions.files.reader import Chosen, Reader
from si_zarr.rows import ZarrRows

__all__ = ["Zarr"]

_DAMAGED = "the folder is damaged or no Zarr array or group"


class Zarr(Reader):
    """Reads .zarr folders; see :mod:`si_zarr.reader` for what ``key``, ``label`` and ``conditions`` name."""

    folder = True

    def read(self, path: Path, chosen: Chosen, where: str) -> Contents:
        """The rows of an array, with others of its group.

        Raises:
            DataError: a damaged folder; a key, column, label or condition that it has not; numbers that are none.
            UsageError: zarr is not installed.
        """
        arrays = _arrays(path, where)
        if list(arrays) == [""] and chosen.key is None:
            return _alone(arrays[""], path, chosen, where)
        told = [str(name) for name in chosen.conditions]
        given = [*told, *([] if chosen.label is None else [str(chosen.label)])]
        for name in given:
            _known(arrays, name, where)
        key = _key(arrays, chosen.key, given, where)
        rows = _rows(arrays[key], path, key, where)
        values = _of_columns(rows, chosen, where)
        labels = None if chosen.label is None else _loaded(arrays[str(chosen.label)], where)
        conditions = {name: _numbers(arrays[name], name, where) for name in told}
        for name, found in conditions.items():
            if len(found) != len(rows):
                raise DataError(f"{name} has a value for each row", where=where, got=f"{len(found)} for {len(rows)}")
        name = "label" if chosen.label is None else str(chosen.label).rpartition("/")[2]
        return Contents(values, labels, None, label_name=name, conditions=conditions)

    def write(self, path: Path, values: NDArray[np.generic]) -> None:
        """Write rows as one array, in chunks of two."""
        zarr = _package(str(path))
        made = zarr.create_array(str(path), shape=values.shape, dtype=values.dtype, chunks=(2, *values.shape[1:]))
        made[...] = values


def _package(where: str) -> Any:
    try:
        import zarr
    except ImportError as error:
        fix = "pip install 'si-zarr[zarr]'"
        raise UsageError("reading .zarr folders needs zarr", where=where, fix=fix) from error
    return zarr


def _arrays(path: Path, where: str) -> dict[str, Any]:
    """All arrays by their paths, under the empty one where the folder is an array itself."""
    zarr = _package(where)
    try:
        with reading_bytes(where, _DAMAGED):
            found = zarr.open(str(path), mode="r")
            return {"": found} if hasattr(found, "shape") else dict(_within(found, ""))
    except FileNotFoundError as error:
        # So zarr says that the folder is there, and nothing of its format in it.
        raise DataError(_DAMAGED, where=where, got="no zarr.json, .zarray or .zgroup", fix="check the path") from error


def _within(group: Any, prefix: str) -> Iterator[tuple[str, Any]]:
    for name, each in sorted(group.members()):
        if hasattr(each, "shape"):
            yield prefix + name, each
        else:
            yield from _within(each, f"{prefix}{name}/")


def _refuse_code(array: Any, where: str) -> None:
    """Refuse an array that is stored as pickles, which run code where they are read.

    Raises:
        DataError: one of its codecs is such a one.
    """
    said = {name: value for name, value in array.metadata.to_dict().items() if name != "attributes"}
    if "pickle" in json.dumps(said, default=str).lower():
        got, fix = array.path or "the array", "store numbers, or texts of fixed width"
        raise DataError("an array that is stored as a pickle is never loaded", where=where, got=got, fix=fix)


def _known(arrays: dict[str, Any], name: str, where: str) -> None:
    if name not in arrays or not name:
        known = ", ".join(filter(None, arrays)) or "none: the folder is one array"
        fix = near_name(name, arrays)
        raise DataError("no array has this path", where=where, got=repr(name), allowed=known, fix=fix)


def _key(arrays: dict[str, Any], key: str | None, given: list[str], where: str) -> str:
    """The path of the events' array."""
    if key is not None:
        _known(arrays, key, where)
        return key
    others = [name for name in arrays if name not in given]
    if len(others) != 1:
        raise DataError("which array?", where=where, allowed=", ".join(arrays) or "none", fix="name it in key")
    return others[0]


def _rows(array: Any, path: Path, key: str, where: str) -> ZarrRows:
    _refuse_code(array, where)
    if not array.shape:
        raise DataError("a single number is no data set", where=where, got="a 0-d array", allowed="shape (N, *event)")
    refuse_dtype(array.dtype, f"array {key!r}" if key else "the array", where)
    return ZarrRows(str(path), key, tuple(array.shape), array.dtype, tuple(array.chunks), where)


def _of_columns(rows: ZarrRows, chosen: Chosen, where: str) -> ZarrRows:
    """The rows with the columns chosen."""
    if chosen.columns is None:
        return rows
    if len(rows.shape) != 1:
        got = f"events {rows.shape}"
        raise DataError("only an array (N, d) has columns", where=where, got=got, fix="leave columns out")
    places, _ = choose_columns([""] * rows.shape[0], chosen.columns, None, where)
    return rows.of_columns(places)


def _alone(array: Any, path: Path, chosen: Chosen, where: str) -> Contents:
    """The contents of a folder that is one array: labels and conditions are columns of it."""
    rows = _rows(array, path, "", where)
    if chosen.columns is None and chosen.label is None and not chosen.conditions:
        return Contents(rows)
    if len(rows.shape) != 1:
        got = f"events {rows.shape}"
        raise DataError("only an array (N, d) has columns", where=where, got=got, fix="leave columns and label out")
    width, given = rows.shape[0], list(chosen.conditions)
    places, label = choose_columns([""] * width, chosen.columns, chosen.label, where, given)
    own = places[: len(places) - len(given)]
    labels = None if label is None else rows.of_columns([label]).loaded()[:, 0]
    told = with_conditions(Contents(rows.of_columns(places[len(own) :]).loaded()), given).conditions if given else {}
    return Contents(rows.of_columns(own), labels, conditions=told)


def _loaded(array: Any, where: str) -> NDArray[np.generic]:
    """All of an array; texts of any kind as numpy's."""
    _refuse_code(array, where)
    with reading_bytes(where):
        found = np.asarray(array[...])
    return found.astype(str) if found.dtype.kind in "OT" else found


def _numbers(array: Any, name: str, where: str) -> NDArray[np.generic]:
    found = _loaded(array, where)
    refuse_dtype(found.dtype, f"array {name!r}", where)
    return found.astype(np.float64)
