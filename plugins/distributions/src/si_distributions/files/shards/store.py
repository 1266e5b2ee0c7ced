"""The rows of all shards, one after the other, read through a bounded cache."""

from __future__ import annotations

import hashlib
import os
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from si_core import DataError
from si_distributions.files.damaged import reading_bytes
from si_distributions.files.read import near, opened
from si_distributions.files.reader import folder_suffixes, suffixes
from si_distributions.files.recent import Recent
from si_distributions.files.shards.arrays import ArchiveShard, MappedShard
from si_distributions.files.shards.parquet import ParquetShard
from si_distributions.files.shards.read import ReadShard
from si_distributions.files.shards.shard import Fields, PieceShard, RowShard, Wanted
from si_distributions.files.shards.tar import TarShard

__all__ = ["SUFFIXES", "ShardStore", "shard_files"]

SUFFIXES = (".npy", ".npz", ".parquet", ".safetensors", ".tar")
_BLOCK = 2**18
"""Bytes of rows that are read at a time when all are looked through: about what a processor's cache holds."""


class ShardStore:
    """Rows of several files, in the order of the files.

    Args:
        paths: the files.
        wanted: what of them is read.
        cache: bytes of pieces that are kept decoded, at most.
        where: the data set, for errors.

    Attributes:
        shapes: of an event (under the empty name) and of conditions.
        dtypes: of numbers, wide enough for all files.
        labels: one a row as the files have it, or None.
        columns: the names of the entries of an event, where it has some.
        pieces: rows of each part that is cheap to read as a whole only; one of all rows where any row is cheap.
        pictures: whether events are images.

    Raises:
        DataError: a file that can't be read, or two of several forms.
    """

    def __init__(self, paths: Sequence[str], wanted: Wanted, cache: int, where: str) -> None:
        self._shards = [_shard(os.path.abspath(path), wanted) for path in paths]
        first = self._shards[0]
        for path, shard in zip(paths, self._shards, strict=True):
            if shard.shapes != first.shapes:
                got = ", ".join(f"{name or 'events'} {shape}" for name, shape in shard.shapes.items())
                allowed = ", ".join(f"{name or 'events'} {shape}" for name, shape in first.shapes.items())
                raise DataError("parts of several shapes", where=path, got=got, allowed=f"{allowed}, as in {paths[0]}")
            if shard.columns != first.columns:
                got, allowed = (", ".join(each.columns or ()) for each in (shard, first))
                raise DataError("parts of several columns", where=path, got=got, allowed=f"{allowed}, as in {paths[0]}")
        if 0 in first.shapes[""]:
            raise DataError("events without numbers", where=paths[0], got=f"shape {first.shapes['']}")
        self.shapes, self.columns = first.shapes, first.columns
        self.dtypes = {name: np.result_type(*(s.dtypes[name] for s in self._shards)) for name in first.dtypes}
        self._starts = np.cumsum([0, *(shard.count for shard in self._shards)])
        told = [shard.labels for shard in self._shards if shard.labels is not None]
        self.labels = np.concatenate(told) if told else None
        if self.labels is not None and self.labels.shape != (len(self),):
            got = f"{self.labels.shape} for {len(self)} rows"
            raise DataError("one label for each row", where=where, got=got)
        whole = all(isinstance(shard, RowShard) for shard in self._shards)
        parts = [shard.pieces if isinstance(shard, PieceShard) else (shard.count,) for shard in self._shards]
        self.pieces = (len(self),) if whole else tuple(size for sizes in parts for size in sizes)
        self.pictures = all(shard.pictures for shard in self._shards)
        self._pieces = Recent[Fields](cache, _bytes)

    def __len__(self) -> int:
        return int(self._starts[-1])

    def take(self, index: NDArray[np.int64]) -> dict[str, NDArray[np.generic]]:
        """Rows in any order, events and conditions, each (n, *shape); by several threads at once."""
        out = {name: np.empty((len(index), *shape), self.dtypes[name]) for name, shape in self.shapes.items()}
        shards = np.searchsorted(self._starts, index, side="right") - 1
        for k in np.unique(shards).tolist():
            here = np.flatnonzero(shards == k)
            for to, rows in self._of_shard(k, index[here] - self._starts[k]):
                for name, values in rows.items():
                    out[name][here[to]] = values
        return out

    def blocks(self) -> Iterator[tuple[int, Fields]]:
        """All rows in turn, with the number of the first of each block."""
        for k, shard in enumerate(self._shards):
            start = int(self._starts[k])
            if isinstance(shard, RowShard):
                width = sum(d.itemsize * int(np.prod(shard.shapes[n])) for n, d in shard.dtypes.items())
                step = max(1, _BLOCK // max(width, 1))
                for first in range(0, shard.count, step):
                    yield start + first, shard.span(first, min(first + step, shard.count))
                continue
            for piece, size in enumerate(shard.pieces):
                yield start, shard.piece(piece)
                start += size

    def named(self, row: int) -> str:
        """How an error names a row."""
        k = int(np.searchsorted(self._starts, row, side="right")) - 1
        return self._shards[k].named(row - int(self._starts[k]))

    def described(self) -> str:
        """Names, sizes and headers of the files."""
        said = [f"{Path(s.state.path).name} {s.state.size} {s.described()}" for s in self._shards]
        return hashlib.sha256("\n".join(said).encode()).hexdigest()

    def _of_shard(self, k: int, index: NDArray[np.int64]) -> Iterator[tuple[Any, Fields]]:
        """Rows of a shard, with their places among those asked for."""
        shard = self._shards[k]
        if isinstance(shard, RowShard):
            yield slice(None), shard.take(index)
            return
        starts = np.cumsum([0, *shard.pieces])
        pieces = np.searchsorted(starts, index, side="right") - 1
        for piece in np.unique(pieces).tolist():
            here = np.flatnonzero(pieces == piece)
            rows = self._pieces.get((k, piece), lambda shard=shard, piece=piece: shard.piece(piece))
            yield here, {name: values[index[here] - starts[piece]] for name, values in rows.items()}


def _bytes(rows: Fields) -> int:
    return sum(values.nbytes for values in rows.values())


def _shard(path: str, wanted: Wanted) -> RowShard | PieceShard:
    further = suffixes()
    with opened(path, (*SUFFIXES, *further), folder_suffixes()) as file:
        suffix = file.suffix.lower()
        if suffix in further:
            return ReadShard(path, wanted)
        if wanted.conditions and suffix in (".npy", ".tar"):
            raise DataError(
                "parts of this form have no conditions", where=path, fix="store them in .npz or .safetensors"
            )
        if suffix == ".tar":
            return TarShard(path, wanted)
        if suffix == ".parquet":
            return ParquetShard(path, wanted)
        if suffix == ".npz" and not _uncompressed(path):
            return ArchiveShard(path, wanted)
        return MappedShard(path, wanted)


def _uncompressed(path: str) -> bool:
    with reading_bytes(path), zipfile.ZipFile(path) as archive:
        return all(entry.compress_type == zipfile.ZIP_STORED for entry in archive.infolist())


def shard_files(path: str) -> list[str]:
    """The shards that a path names, a file, a folder or a pattern such as ``train-*.npy``, in the order of their names.

    Raises:
        DataError: there are none, or of several suffixes.
    """
    folder, known = Path(path), (*SUFFIXES, *suffixes())
    if folder.is_file() or (folder.is_dir() and folder.suffix.lower() in folder_suffixes()):
        return [path]
    pattern = "*"
    if not folder.is_dir():
        folder, pattern = folder.parent, folder.name
    if not folder.is_dir() or (pattern != "*" and not set("*?[") & set(pattern)):
        raise DataError("no such file or folder", where=path, fix=near(Path(path)) or "check the path")
    names = sorted(each.name for each in folder.glob(pattern))
    found = [name for name in names if Path(name).suffix.lower() in known and not name.startswith(".")]
    if len({Path(name).suffix.lower() for name in found}) != 1:
        kinds = sorted({Path(name).suffix.lower() for name in found})
        problem = "parts have one suffix" if found else "there are no parts"
        fix = f"name some by a pattern, such as '*{kinds[0]}'" if found else None
        raise DataError(problem, where=path, got=", ".join(kinds) or "none", allowed=", ".join(known), fix=fix)
    return [os.path.join(folder, name) for name in found]
