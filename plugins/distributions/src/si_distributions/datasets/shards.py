"""A data set in parts as a distribution: files of one form, streamed."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field
from torch import Tensor

from si_core import Condition, ConditionSpec, DataError, Frame, Largest, Moments, UsageError
from si_distributions.datasets.keyed_split import KeyedSplit
from si_distributions.datasets.on_file import encoded, most_held
from si_distributions.datasets.order import Epochs, Order, Ordered, ordered
from si_distributions.datasets.rows import moment_rows
from si_distributions.datasets.scaling import Scaling, fixed
from si_distributions.datasets.shard_labels import labels_of
from si_distributions.datasets.shard_look import ShardLook, header_look, look_through_shards
from si_distributions.files.picture import PictureReader
from si_distributions.files.recent import Recent
from si_distributions.files.shards.shard import Wanted
from si_distributions.files.shards.store import ShardStore, shard_files
from si_distributions.options import Precision, Workers, numbers, precision, whole

__all__ = ["Shards"]

_BYTE = 255
_OPEN = 64
"""Files that are open at a time."""

Check = Literal["contents", "sizes"]
Side = Annotated[int, Field(ge=1, le=4096)]


class Shards(Ordered):
    """Rows of a folder of .npy, .npz, .parquet, .safetensors or .tar files, in the order of their names.

    Or of files of another suffix that a reader of a plugin knows, such as .h5ad and .zarr.

    Rows of .npy, .safetensors, .tar and uncompressed .npz files are read one by one; compressed .npz files and groups
    of rows of .parquet files as a whole, one at a time for each worker, into a cache of bounded size. In memory are a
    few bytes for each row: its label. Half precision is read, and converted when rows are taken.

    The order of training is a pure function of the seed, the epoch and the place: a permutation of all rows, or of
    those of ``window`` pieces at a time, where pieces are read as a whole. Held-out rows are so many of each piece.

    Args:
        path: a folder, a file, or a pattern such as ``train-*.npz``.
        key: the array of .npz and .safetensors files with several; of .parquet the column of events, numbers or lists
            of equal length, where all other columns are not meant.
        label: the key or column of labels; of .tar ``cls`` for members with this suffix, else a key of ``.json`` ones.
        labels: a file of labels for all rows in turn: .npy, or text; label then names its column where it has several.
        conditions: keys or columns of values that networks are given.
        channels: of images in .tar files, 3 for colour, 1 for grey.
        size: of images in .tar files, a side to which they are fitted and cropped.
        standardise: whether data get mean 0 and variance 1, by column for rows (d,); images have [-1, 1].
        units: shift and scale in their place, ``data = shift + scale * model``.
        held_out: the fraction of the rows kept from training; 512 of them, or 2^24 numbers, are given at most.
        split_seed: which rows these are.
        order: of the draws of training: shuffled, or replacement, for independent rows, which reads a whole piece for
            each row of files that are read as a whole.
        window: pieces whose rows are mixed; the cache should hold as many.
        check: what is read before training: contents, for scale, digest and numbers that are not finite; or sizes, for
            names, sizes and headers alone: what is not finite or damaged is then told when it is drawn.
        cache: MiB of decoded pieces in memory at most.
        workers: threads that read the rows of later steps, which changes no number; 0 for none.
        dtype: of the draws.

    Raises:
        DataError: no files, files of several forms, or what a single one can be.
        UsageError: options that don't fit.
    """

    def __init__(
        self,
        path: Path,
        key: str | None = None,
        label: str | None = None,
        labels: Path | None = None,
        conditions: list[str] | None = None,
        channels: Literal[1, 3] = 3,
        size: Side | None = None,
        standardise: bool = True,
        units: Annotated[list[float], Field(min_length=2, max_length=2)] | None = None,
        held_out: Annotated[float, Field(ge=0, lt=1)] = 0.01,
        split_seed: Annotated[int, Field(ge=0, le=Largest.SEED)] = 0,
        order: Order = "shuffled",
        window: Annotated[int, Field(ge=1, le=Largest.PARTS)] = 16,
        check: Check = "contents",
        cache: Annotated[int, Field(ge=0, le=2**20)] = 256,
        workers: Workers = 1,
        dtype: Precision = "float32",
    ) -> None:
        where = self._where = str(path)
        self._dtype, self.prefetch = precision(dtype, where), whole(workers, "workers", where, 0)
        if check not in ("contents", "sizes"):
            raise UsageError("no such check", where=f"{where}: check", got=repr(check), allowed="contents, sizes")
        picture = PictureReader(channels, None if size is None else (size, size))
        wanted = Wanted(key, label if labels is None else None, conditions or (), picture, Recent(_OPEN))
        store = self._store = ShardStore(shard_files(where), wanted, whole(cache, "cache", where, 0) << 20, where)
        self.shape = store.shapes[""]
        self._split = KeyedSplit(store.pieces, held_out, split_seed, where)
        self.size = self._split.size
        self._epochs = ordered(order, self._split.train_sizes, whole(window, "window", where, 1), where)
        self._labels = labels_of(store, label, labels, where)
        measured = standardise and units is None and not store.pictures
        if store.dtypes[""] == np.uint8 and not standardise and units is None:
            fix = "set standardise: true, or units, such as [127.5, 127.5]"
            raise DataError("bytes 0..255 need a scale", where=where, got="standardise: false", fix=fix)
        if check == "sizes" and measured:
            fix = "give units: [shift, scale], set standardise: false, or check: contents"
            raise UsageError("a scale needs a look at all rows", where=f"{where}: check", got="sizes", fix=fix)
        look = look_through_shards(store, self._split, measured, where) if check == "contents" else header_look(store)
        self._units = Frame(self.shape, *self._scaling(units, standardise, look))
        self._look = look
        self.conditions = dict(look.conditions)
        if self._labels is not None:
            self.conditions[self._labels.name] = ConditionSpec(classes=self._labels.classes)

    def _scaling(self, units: list[float] | None, standardise: bool, look: ShardLook) -> Scaling:
        if units is not None:
            return fixed(*numbers(units, "units", self._where).tolist())
        if self._store.pictures and standardise:
            return fixed(_BYTE / 2, _BYTE / 2)
        return look.scaling or fixed(0.0, 1.0)

    def sample(self, n: int, generator: torch.Generator | None = None) -> Tensor:
        """n training rows in model space, shape (n, *shape)."""
        return self.draw(n, generator)[0]

    def draw(self, n: int, generator: torch.Generator | None = None) -> tuple[Tensor, Condition | None]:
        """n training rows with their conditions: those of a step's turn, or with replacement."""
        return self.rows(self.index(n, generator))

    def rows(self, index: Tensor) -> tuple[Tensor, Condition | None]:
        """Training rows by index (n,) in 0..size-1 with their conditions, on the device of the index."""
        return self._taken(self._split.train(index.cpu().numpy()), index.device)

    def held_out(self) -> tuple[Tensor, Condition | None] | None:
        """Rows kept from training with their conditions, 512 of them or 2^24 numbers at most; None where none are."""
        if not self._split.held_size:
            return None
        return self._taken(self._split.held(most_held(self.shape)), torch.device("cpu"))

    @cached_property
    def frame(self) -> Frame:
        """The units, the names of columns, and the counts of the labels of the training rows."""
        labels = None if self._labels is None or len(self.conditions) > 1 else self._labels.counts(self._split)
        pixels = (0.0, float(_BYTE)) if self._store.pictures else None
        return replace(self._units, columns=self._store.columns, pixels=pixels, labels=labels)

    @cached_property
    def moments(self) -> Moments:
        """Those of the first training rows of an order, which are read from few pieces."""
        order = Epochs(self._split.train_sizes, 1)
        places = np.arange(len(moment_rows(self.size or 0, self.shape)))
        return Moments.of_points(self.rows(torch.from_numpy(order.at(places, 0)))[0])

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 of all that can be drawn, or of what ``check: sizes`` looked at; of labels, units and split."""
        said = f"{self.shape} {sorted(self.conditions)} {self._store.columns} {self._dtype} {self._split.described()}"
        digest = hashlib.sha256(said.encode() + self._look.digest)
        if self._labels is not None:
            digest.update(repr(self._labels.classes).encode())
            digest.update(self._labels.places.astype("<i8"))
        for part in (self._units.shift, self._units.scale):
            digest.update(part.contiguous().reshape(-1).numpy())
        return digest.hexdigest()

    def _taken(self, index: NDArray[np.int64], device: torch.device) -> tuple[Tensor, Condition | None]:
        found = self._store.take(index)
        rows = found.pop("")
        x = encoded(rows, self._units, self._dtype, lambda place: self._store.named(int(index[place]))).to(device)
        if x.dtype == torch.uint8:
            x = self._units.encode(x.to(self._dtype))
        told = {
            name: torch.from_numpy(values.astype(np.float64)).to(device, self._dtype) for name, values in found.items()
        }
        if self._labels is not None:
            told[self._labels.name] = torch.from_numpy(self._labels.places[index].astype(np.int64)).to(device)
        return x, told or None
