"""Shards that are .tar files: one row is the members of one name, such as ``0001.png`` and ``0001.cls``."""

from __future__ import annotations

import io
import json
import os
import tarfile

import numpy as np
from numpy.typing import NDArray

from si_core import DataError
from si_distributions.files.contents import refuse_dtype
from si_distributions.files.damaged import reading_bytes
from si_distributions.files.picture import FORMATS
from si_distributions.files.row_store import FileState
from si_distributions.files.shards.shard import Fields, RowShard, Wanted

__all__ = ["TarShard"]

_LARGEST = 2**31
"""Bytes of a member at most."""

_BLOCK = 512
_LABEL = ".cls"


class TarShard(RowShard):
    """An uncompressed .tar file, indexed once: any row is read by itself.

    An event is an image or a .npy array; a label stands in the member ``.cls`` (``label: cls``), or in ``.json`` under
    the name that ``label`` gives.

    Args:
        path: the file.
        wanted: what of it is read.
    """

    def __init__(self, path: str, wanted: Wanted) -> None:
        self._wanted, self.state = wanted, FileState(path)
        events, told = self._index()
        self._at = np.array(events, dtype=np.int64).reshape(-1, 3)
        self.count = len(self._at)
        if not self.count:
            problem = "there are no events in it"
            raise DataError(problem, where=path, allowed=f"members {', '.join(['.npy', *FORMATS])}")
        self.pictures = not bool(self._at[:, 2].any())
        if wanted.label is not None:
            self.labels = np.array([self._label(place, k) for k, place in enumerate(told)])
        first = self.take(np.zeros(1, dtype=np.int64))[""]
        self.shapes, self.dtypes = {"": first.shape[1:]}, {"": first.dtype}

    def take(self, index: NDArray[np.int64]) -> Fields:
        self.state.check()
        rows = [self._event(row) for row in index.tolist()]
        shape = self.shapes[""] if hasattr(self, "shapes") else rows[0].shape
        for row, values in zip(index.tolist(), rows, strict=True):
            if values.shape != shape:
                fix = "set size, to which images are fitted"
                problem, got = "events of several shapes", f"shape {values.shape}"
                raise DataError(problem, where=self.named(row), got=got, allowed=f"shape {shape}", fix=fix)
        return {"": np.stack(rows)}

    def named(self, row: int) -> str:
        header = self._bytes(int(self._at[row, 0]) - _BLOCK, _BLOCK)
        try:
            name = tarfile.TarInfo.frombuf(header, "utf-8", "replace").name
        except tarfile.HeaderError:
            name = f"byte {int(self._at[row, 0])}"
        return f"{name} (row {row}) of {self.state.path}"

    def described(self) -> str:
        return f"{self.count} {self._at[:, 1].tolist()}"

    def _index(self) -> tuple[list[tuple[int, int, bool]], list[tuple[int, int] | None]]:
        """Where the event of each row lies, how long it is, and whether it is an array; and where its label is."""
        label = _LABEL if self._wanted.label == _LABEL[1:] else ".json"
        events: dict[str, tuple[int, int, bool]] = {}
        told: dict[str, tuple[int, int]] = {}
        path, wanted = self.state.path, (".npy", *FORMATS, *(() if self._wanted.label is None else (label,)))
        with reading_bytes(path), tarfile.open(path, "r:") as archive:
            for member in archive:
                folder, _, name = member.name.rpartition("/")
                if member.isdir() or name.startswith("."):
                    continue
                # All up to the first dot is the name of a row, as other tools for such files have it.
                first, dot, rest = name.partition(".")
                stem, suffix = f"{folder}/{first}", f"{dot}{rest}".lower()
                if suffix not in wanted:
                    continue
                if not member.isreg() or member.issparse():
                    problem, fix = "a member that is no plain file", "store what it stands for, or leave it out"
                    raise DataError(problem, where=path, got=f"{member.name}, a link, a device or sparse", fix=fix)
                if suffix != label:
                    if stem in events:
                        raise DataError("two events of one name", where=path, got=member.name)
                    events[stem] = member.offset_data, member.size, suffix == ".npy"
                else:
                    told[stem] = member.offset_data, member.size
            # To Python's reader a header that is damaged or cut is the end.
            if any(self._bytes(archive.offset, _BLOCK)):
                raise tarfile.ReadError(f"no header of a member at byte {archive.offset}")
        return list(events.values()), [told.get(stem) for stem in events]

    def _event(self, row: int) -> NDArray[np.generic]:
        offset, size, array = self._at[row].tolist()
        data = self._bytes(offset, size)
        if array:
            with reading_bytes(self.named(row)):
                values: NDArray[np.generic] = np.load(io.BytesIO(data), allow_pickle=False)
            refuse_dtype(values.dtype, "the array", self.named(row))
            return values.reshape(1) if values.ndim == 0 else values
        image = self._wanted.picture.fresh().read(self.named(row), io.BytesIO(data))
        return image[None] if image.ndim == 2 else image.transpose(2, 0, 1)

    def _label(self, place: tuple[int, int] | None, row: int) -> str:
        key = self._wanted.label
        if place is None:
            raise DataError("a row without a label", where=self.named(row), fix=f"add its member for label: {key}")
        text = self._bytes(*place).decode("utf-8", "replace").strip()
        if key == _LABEL[1:]:
            return text
        with reading_bytes(self.named(row), "its .json can't be read"):
            return str(json.loads(text)[key])

    def _bytes(self, offset: int, size: int) -> bytes:
        path = self.state.path
        if size > _LARGEST:
            raise DataError("a member that is too large", where=path, got=f"{size} bytes", allowed=f"{_LARGEST}")
        handle = self._wanted.opened.get(path, lambda: _Handle(path))
        data: bytes = os.pread(handle.number, size, offset)
        if len(data) < size:
            raise DataError("the file is cut short", where=path, fix="write or copy it again")
        return data


class _Handle:
    """An open file, closed when nobody reads it any more."""

    def __init__(self, path: str) -> None:
        self.number = os.open(path, os.O_RDONLY)

    def __del__(self) -> None:
        os.close(self.number)
