"""A finite data set as a distribution: draws are training rows, with replacement or each once an epoch.

Some rows may be held out from training for estimators; which ones is fixed by a seed of its own, so that every run on
the same data holds out the same rows. Rows of whole numbers up to 255 are stored as such and scaled when drawn. Where
rows are, in memory or in their files, changes no number of a draw.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from si_core import Bounds, Condition, ConditionSpec, DataError, Frame, LabelCounts, Moments
from si_distributions.datasets.in_memory_rows import MemoryRows
from si_distributions.datasets.on_file import FileRows, most_held
from si_distributions.datasets.order import Order, Ordered, ordered
from si_distributions.datasets.scaling import Scaling
from si_distributions.files.row_store import RowStore
from si_distributions.options import Precision, fraction, precision, whole
from si_distributions.placement import Placed
from si_distributions.randomness import uniform

__all__ = ["Rows", "moment_rows", "split"]

_MOMENT_ROWS, _MOMENT_NUMBERS = 256, 2**22


def split(size: int, held_out: float, seed: int, where: str) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Indices of the training rows and of the rows held out, by a fixed permutation.

    Raises:
        DataError: too few rows to train on some and hold out others.
    """
    held_out, seed = fraction(held_out, "held_out", where), whole(seed, "split_seed", where, 0)
    kept = max(1, round(held_out * size)) if held_out > 0 else 0
    if kept >= size:
        got = f"{size} rows, {kept} of them held out"
        raise DataError("no rows are left to train on", where=where, got=got, fix="lower held_out")
    order = torch.randperm(size, generator=torch.Generator().manual_seed(seed)).numpy()
    # In the order of the file when nothing is held out: row i is then row i.
    return (order[kept:], order[:kept]) if kept else (np.arange(size), order[:0])


def moment_rows(size: int, shape: tuple[int, ...]) -> Tensor:
    """The rows whose moments say enough, equally far apart: all, or at least 256 with about 2^22 numbers."""
    count = min(size, max(_MOMENT_ROWS, _MOMENT_NUMBERS // max(math.prod(shape), 1)))
    return torch.linspace(0, size - 1, count, dtype=torch.float64).round().long()


class Rows(Ordered):
    """Draws from the training rows of a table (N, *event).

    Args:
        values: all rows in data space, shape (N, *event); those of a store stay on file.
        train: indices of the training rows; rows that are left out are in neither.
        held: indices of the rows held out.
        scaling: shift and scale between data space and model space.
        condition_values: what draws give with each row, by name, each (N, *shape): places among classes, or values.
        conditions: what these are.
        bounds: between which data lie; the scaling is then that of the numbers that stand for them.
        columns: the names of the columns, for a table that has them.
        pixels: the values of black and white in data space, for images.
        dequantise: whether draws of whole numbers get uniform noise on [-1/2, 1/2) added in data space.
        noise_seed: of the noise on the rows held out, which is the same at every call.
        dtype: of the draws.
        order: of the draws of training: independent, or each row once an epoch.
        workers: threads that read rows of later steps, where rows are on file.
        digest: of the rows of a store.
        where: the component or file, for errors.
    """

    def __init__(
        self,
        values: NDArray[np.generic] | RowStore,
        train: NDArray[np.int64],
        held: NDArray[np.int64],
        scaling: Scaling,
        *,
        condition_values: Mapping[str, NDArray[np.generic]] | None = None,
        conditions: Mapping[str, ConditionSpec] | None = None,
        bounds: Bounds | None = None,
        columns: tuple[str, ...] | None = None,
        pixels: tuple[float, float] | None = None,
        dequantise: bool = False,
        noise_seed: int = 0,
        dtype: Precision = "float32",
        order: Order = "replacement",
        workers: int = 0,
        digest: bytes = b"",
        where: str,
    ) -> None:
        self._dtype, self._where = precision(dtype, where), where
        self._dequantise, self._noise_seed = dequantise, noise_seed
        self.shape = values.shape if isinstance(values, RowStore) else tuple(values.shape[1:])
        self.size = len(train)
        self.conditions = dict(conditions or {})
        self._units = Frame(self.shape, *scaling, bounds=bounds)
        self.row_key = hashlib.sha256(np.ascontiguousarray(train, dtype="<i8")).hexdigest()
        """Says which rows of the source are drawn, in which order: two data sets pair up only if theirs are equal."""
        self._columns, self._pixels = columns, pixels
        self._epochs = ordered(order, [len(train)], 1, where)
        self._rows: MemoryRows | FileRows
        if isinstance(values, RowStore):
            self.prefetch = whole(workers, "workers", where, 0)
            self._rows = FileRows(values, train, held, self._units, self._dtype, digest)
            given = held[: most_held(self.shape)]
        else:
            self._rows = MemoryRows(values, train, held, self._units, self._dtype, where)
            given = held
        self._any_held = bool(len(held))
        tensors = {name: torch.from_numpy(values) for name, values in (condition_values or {}).items()}
        tensors = {name: v.to(self._dtype) if v.is_floating_point() else v for name, v in tensors.items()}
        self._conditions = {name: Placed(values[torch.from_numpy(train)]) for name, values in tensors.items()}
        self._held_conditions = {name: values[torch.from_numpy(given)] for name, values in tensors.items()}

    def sample(self, n: int, generator: torch.Generator | None = None) -> Tensor:
        """n training rows in model space, shape (n, *shape): with replacement, or those of a step's turn."""
        return self.draw(n, generator)[0]

    def draw(self, n: int, generator: torch.Generator | None = None) -> tuple[Tensor, Condition | None]:
        """n training rows with their conditions: with replacement, or those of a step's turn."""
        index = self.index(n, generator)
        return self._finished(self._rows.train(index), self._dequantise, generator), self._conditions_of(index)

    def rows(self, index: Tensor) -> tuple[Tensor, Condition | None]:
        """Training rows by index (n,) in 0..size-1 with their conditions, on the device of the index, without noise."""
        return self._finished(self._rows.train(index), False, None), self._conditions_of(index)

    @cached_property
    def frame(self) -> Frame:
        """The units, the names of the columns, and the counts of the labels of the training rows."""
        labels = None
        if self.conditions and all(spec.classes is not None for spec in self.conditions.values()):
            labels = LabelCounts.of({name: values.tensor for name, values in self._conditions.items()})
        return replace(self._units, columns=self._columns, pixels=self._pixels, labels=labels)

    @cached_property
    def moments(self) -> Moments:
        """Those of the training rows, or of so many of them, equally far apart, as say enough."""
        return Moments.of_points(self.rows(moment_rows(self.size or 0, self.shape))[0])

    def held_out(self) -> tuple[Tensor, Condition | None] | None:
        """The rows kept from training with their conditions, of data on file at most so many; None where none are."""
        if not self._any_held:
            return None
        generator = torch.Generator().manual_seed(self._noise_seed)
        return self._finished(self._rows.held, self._dequantise, generator), dict(self._held_conditions) or None

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 of everything that can be drawn: equal for equal data, options and split."""
        conditions = sorted((name, spec.shape, spec.classes) for name, spec in self.conditions.items())
        said = f"{self.shape} {conditions} {self._dtype} {self._dequantise} {self._columns}"
        digest = hashlib.sha256(said.encode())
        self._rows.update(digest)
        kept = [values for _, values in sorted(self._held_conditions.items())]
        kept += [values.tensor for _, values in sorted(self._conditions.items())]
        # Standardised rows are those of any other units.
        kept += [self._units.shift, self._units.scale]
        if self._units.bounds is not None:
            kept += [self._units.bounds.lower, self._units.bounds.upper]
        for tensor in kept:
            digest.update(f"{tuple(tensor.shape)} {tensor.dtype}".encode())
            digest.update(tensor.contiguous().reshape(-1).numpy())
        return digest.hexdigest()

    def _conditions_of(self, index: Tensor) -> Condition | None:
        return {name: values.rows(index) for name, values in self._conditions.items()} or None

    def _finished(self, rows: Tensor, noisy: bool, generator: torch.Generator | None) -> Tensor:
        if rows.dtype != torch.uint8:
            return rows
        data = rows.to(self._dtype)
        if noisy:
            data = data + uniform(tuple(data.shape), self._dtype, generator) - 0.5
        return self._units.encode(data)
