"""Shards that are arrays: .npy, .npz and .safetensors; a pickle is never loaded."""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from si_core import DataError
from si_distributions.files.contents import refuse_dtype
from si_distributions.files.damaged import reading_bytes
from si_distributions.files.mapped_members import map_member
from si_distributions.files.numpy_files import load_mapped
from si_distributions.files.row_store import FileState, MappedRows
from si_distributions.files.shards.shard import Fields, PieceShard, RowShard, Wanted

__all__ = ["ArchiveShard", "MappedShard"]

_HEADER = 100_000_000
"""Bytes of a header of safetensors at most, as the format says."""

_HELD = 2**20
"""Bytes of a file in memory at a time: many are open."""

_DTYPES = {
    "F16": "<f2",
    "F32": "<f4",
    "F64": "<f8",
    "U8": "u1",
    "U16": "<u2",
    "U32": "<u4",
    "U64": "<u8",
    "BOOL": "?",
    "I8": "i1",
    "I16": "<i2",
    "I32": "<i4",
    "I64": "<i8",
    "BF16": "<u2",
}


@dataclass(frozen=True)
class _Tensor:
    """Where an array lies in a file of safetensors."""

    offset: int
    dtype: np.dtype[np.generic]
    shape: tuple[int, ...]
    bfloat16: bool


class MappedShard(RowShard):
    """Arrays that lie in a file as they are: any row is read by itself.

    Args:
        path: of a .npy, .npz or .safetensors file.
        wanted: what of it is read.
    """

    def __init__(self, path: str, wanted: Wanted) -> None:
        self._wanted, self.state, self._verified = wanted, FileState(path), False
        self._places = _safetensors(path) if path.lower().endswith(".safetensors") else {}
        self._names = _names(list(self._places), wanted, path) if self._places else {"": ""}
        if path.lower().endswith(".npz"):
            self._names = _names(_members(path), wanted, path)
        maps = {name: self._map(name) for name in self._names}
        self.count, self.shapes, self.dtypes = _forms(maps, path)
        self._bfloat16 = {
            name for name, key in self._names.items() if key in self._places and self._places[key].bfloat16
        }
        self.dtypes = {name: np.dtype("f4") if name in self._bfloat16 else kind for name, kind in self.dtypes.items()}
        if wanted.label is not None and (self._places or path.lower().endswith(".npz")):
            self.labels = np.array(self._array(wanted.label))
        self._verified = True

    def take(self, index: NDArray[np.int64]) -> Fields:
        return {name: self._numbers(name, self._rows(name).take(index)) for name in self._names}

    def span(self, start: int, stop: int) -> Fields:
        return {name: self._numbers(name, self._rows(name).span(start, stop)) for name in self._names}

    def described(self) -> str:
        return f"{self.count} {sorted(self.shapes.items())} {sorted((n, str(d)) for n, d in self.dtypes.items())}"

    def _rows(self, name: str) -> MappedRows:
        key = self.state.path, name
        return self._wanted.opened.get(key, lambda: MappedRows(self._map(name), self.state, _HELD))  # type: ignore[no-any-return]

    def _numbers(self, name: str, rows: NDArray[np.generic]) -> NDArray[np.generic]:
        if name not in self._bfloat16:
            return rows
        # The upper half of a float32.
        return (rows.astype(np.uint32) << np.uint32(16)).view(np.float32)

    def _map(self, name: str) -> NDArray[np.generic]:
        found = self._array(self._names[name])
        if found.ndim == 0:
            raise DataError("a single number is no data", where=self.state.path, allowed="shape (N, *event)")
        refuse_dtype(found.dtype, "the array", self.state.path)
        return found[:, None] if found.ndim == 1 and not name else found

    def _array(self, key: str) -> NDArray[np.generic]:
        path = self.state.path
        if self._places:
            if key not in self._places:
                raise DataError("no array has this key", where=path, got=repr(key), allowed=", ".join(self._places))
            place = self._places[key]
            with reading_bytes(path):
                return np.memmap(path, place.dtype, "r", place.offset, place.shape)
        if not path.lower().endswith(".npz"):
            return load_mapped(Path(path), path)
        found = map_member(Path(path), key, path, not self._verified)
        return _loaded(path, [key])[key] if found is None else found


class ArchiveShard(PieceShard):
    """A .npz archive that is compressed: read as a whole.

    Args:
        path: the file.
        wanted: what of it is read.
    """

    def __init__(self, path: str, wanted: Wanted) -> None:
        self.state = FileState(path)
        self._names = _names(_members(path), wanted, path)
        found = self._read()
        self.count, self.shapes, self.dtypes = _forms(found, path)
        self.pieces = (self.count,)
        if wanted.label is not None:
            self.labels = _loaded(path, [wanted.label])[wanted.label]

    def piece(self, k: int) -> Fields:
        self.state.check()
        return self._read()

    def described(self) -> str:
        return f"{self.count} {sorted(self.shapes.items())} {sorted((n, str(d)) for n, d in self.dtypes.items())}"

    def _read(self) -> Fields:
        found = _loaded(self.state.path, list(self._names.values()))
        rows = {name: found[key] for name, key in self._names.items()}
        for name, values in rows.items():
            refuse_dtype(values.dtype, f"array {self._names[name]!r}", self.state.path)
        return {name: values[:, None] if values.ndim == 1 and not name else values for name, values in rows.items()}


def _names(keys: list[str], wanted: Wanted, path: str) -> dict[str, str]:
    """The key of each field in a file."""
    others = [key for key in keys if key != wanted.label and key not in wanted.conditions]
    if wanted.key is None and len(others) != 1:
        raise DataError("which array?", where=path, allowed=", ".join(keys) or "none", fix="name it in key")
    names = {"": others[0] if wanted.key is None else wanted.key, **{name: name for name in wanted.conditions}}
    for key in (*names.values(), *([wanted.label] if wanted.label is not None else [])):
        if key not in keys:
            raise DataError("no array has this key", where=path, got=repr(key), allowed=", ".join(keys) or "none")
    return names


def _forms(arrays: Fields, path: str) -> tuple[int, Mapping[str, tuple[int, ...]], Mapping[str, np.dtype[np.generic]]]:
    counts = {name or "events": len(rows) if rows.ndim else 0 for name, rows in arrays.items()}
    if len(set(counts.values())) > 1:
        raise DataError("a condition has a value for each row", where=path, got=counts)
    shapes = {name: tuple(rows.shape[1:]) for name, rows in arrays.items()}
    return len(arrays[""]), shapes, {name: rows.dtype for name, rows in arrays.items()}


def _members(path: str) -> list[str]:
    with reading_bytes(path), np.load(path, allow_pickle=False) as archive:
        return list(archive.files)


def _loaded(path: str, keys: list[str]) -> dict[str, NDArray[np.generic]]:
    with reading_bytes(path), np.load(path, allow_pickle=False) as archive:
        return {key: archive[key] for key in keys}


def _safetensors(path: str) -> dict[str, _Tensor]:
    """Where each array of a file of safetensors lies; every offset is held to the size of the file."""
    size = Path(path).stat().st_size
    with reading_bytes(path, "the file is damaged or no safetensors file"), open(path, "rb") as file:
        (length,) = struct.unpack("<Q", file.read(8))
        if length > min(_HEADER, size - 8):
            raise ValueError(f"a header of {length} bytes in a file of {size}")
        header: dict[str, Any] = json.loads(file.read(length))
        found = {}
        for name, entry in header.items():
            if name == "__metadata__" or entry["dtype"] not in _DTYPES:
                continue
            start, end = entry["data_offsets"]
            kind, shape = np.dtype(_DTYPES[entry["dtype"]]), tuple(entry["shape"])
            if not 0 <= start <= end <= size - 8 - length or end - start != math.prod(shape) * kind.itemsize:
                raise ValueError(f"{name!r} at bytes {start} to {end}")
            if end > start:
                found[name] = _Tensor(8 + length + start, kind, shape, entry["dtype"] == "BF16")
    if not found:
        raise DataError("there are no numbers in it", where=path)
    return found
