"""Image files that stay where they lie, and are decoded when they are drawn."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from si_core import DataError
from si_distributions.files.picture import PictureReader
from si_distributions.files.recent import Recent
from si_distributions.files.row_store import RowStore

__all__ = ["PictureStore", "refuse_no_image", "unequal"]

_BLOCK = 256


class PictureStore(RowStore):
    """Images by their files, (channels, height, width), bytes; those decoded last are kept.

    Args:
        files: the files.
        reader: of each.
        shape: (height, width) or (height, width, 3) of all.
        cache: bytes of decoded images that are kept at most.
    """

    def __init__(self, files: Sequence[str], reader: PictureReader, shape: tuple[int, ...], cache: int) -> None:
        self._files, self._reader, self._image = [os.path.abspath(file) for file in files], reader, shape
        self.shape = (1, *shape) if len(shape) == 2 else (shape[2], *shape[:2])
        self.dtype = np.dtype(np.uint8)
        self._states = np.array([_state(file) for file in files], dtype=np.int64)
        self._decoded = Recent[NDArray[np.generic]](cache, _bytes)

    def __len__(self) -> int:
        return len(self._files)

    def take(self, index: NDArray[np.int64]) -> NDArray[np.generic]:
        out = np.empty((len(index), *self.shape), np.uint8)
        for place, row in enumerate(index.tolist()):
            out[place] = self._decoded.get(row, lambda row=row: self._read(row))
        return out

    def blocks(self) -> Iterator[tuple[int, NDArray[np.generic]]]:
        for start in range(0, len(self), _BLOCK):
            rows = range(start, min(start + _BLOCK, len(self)))
            yield start, np.stack([self._read(row) for row in rows])

    def named(self, row: int) -> str:
        return f"{self._files[row]} (image {row})"

    def described(self) -> str:
        """Names and sizes of the files, for a digest."""
        names = [os.path.join(os.path.basename(os.path.dirname(f)), os.path.basename(f)) for f in self._files]
        said = zip(names, self._states[:, 0].tolist(), strict=True)
        return hashlib.sha256(f"{self._image} {list(said)} {self._reader.described()}".encode()).hexdigest()

    def _read(self, row: int) -> NDArray[np.generic]:
        file = self._files[row]
        try:
            refuse_no_image(file)
            if _state(file) != tuple(self._states[row].tolist()):
                problem, fix = "the file changed while it is in use", "start again when nobody writes to it"
                raise DataError(problem, where=file, fix=fix)
            # A reader counts what it did, for one thread.
            image = self._reader.fresh().read(file)
            if image.shape != self._image:
                raise unequal(image, self._image, file, self._files[0])
        except DataError as error:
            raise DataError(
                error.problem, where=self.named(row), got=error.got, allowed=error.allowed, fix=error.fix
            ) from error
        return image[None] if image.ndim == 2 else image.transpose(2, 0, 1)


def refuse_no_image(path: str) -> None:
    """Refuse a link that leads nowhere, or a pipe, which would be waited for."""
    if os.path.isfile(path):
        return
    got, problem = "a pipe, a device or the like", "this is no file"
    if os.path.islink(path):
        got = f"a link to {os.readlink(path)!r}"
        problem = "this is no file" if os.path.exists(path) else "a link that leads nowhere"
    elif not os.path.lexists(path):
        got, problem = "nothing", "the file is gone"
    raise DataError(problem, where=path, got=got, fix="put the image there, remove the link, or set damaged: skip")


def unequal(image: NDArray[np.generic], shape: tuple[int, ...], file: str, first: str) -> DataError:
    """The error of an image of another size than the first."""
    return DataError(
        "images of several sizes",
        where=file,
        got=f"{image.shape[1]} x {image.shape[0]}",
        allowed=f"{shape[1]} x {shape[0]} as {first}",
        fix=f"set size: {min(shape[:2])}, to which each is fitted and cropped in the middle",
    )


def _state(file: str) -> tuple[int, int]:
    found = os.stat(file)
    return found.st_size, found.st_mtime_ns


def _bytes(image: NDArray[np.generic]) -> int:
    return image.nbytes
