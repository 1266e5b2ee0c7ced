"""A format of samples: what of a block is stored on the way, and how a file is made of all of it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from si_core.contract.condition import ConditionSpec
from si_core.contract.frame import Frame
from si_core.errors import UsageError
from si_core.models.samples import Samples
from si_core.runs.partial_samples import PartialSamples

__all__ = ["Array", "SampleForm", "SampleFormat", "class_names", "named", "refuse_reserved", "side_file"]

Array = NDArray[Any]


@dataclass(frozen=True)
class SampleForm:
    """What samples of a model are, apart from their numbers.

    Args:
        frame: of the end that sampling reaches.
        specs: the conditions of the model.
        counted: the condition of which so many samples of each class are asked for, if any.
        typed: gives events (n, *event) the dtype that data had; None to leave them as they are.
        typed_column: the same of one column (n,) of a table, by its place.
    """

    frame: Frame
    specs: Mapping[str, ConditionSpec]
    counted: str | None = None
    typed: Callable[[Tensor], Array] | None = None
    typed_column: Callable[[Array, int], Array] | None = None


@dataclass(frozen=True)
class SampleFormat(ABC):
    """Writes samples that come block by block.

    Args:
        form: what the samples are.

    Attributes:
        copies: how many times their size there must be room on the disk, while the file is made of what was stored.
    """

    form: SampleForm
    copies: ClassVar[int] = 2

    @abstractmethod
    def check(self, out: Path) -> None:
        """Refuse what can't be written so, before there are samples.

        Raises:
            UsageError, StorageError: says why, and which format can.
        """

    @abstractmethod
    def arrays(self, samples: Samples) -> dict[str, Array]:
        """What is stored of a block, rows (k, ...) by name, the samples first."""

    @abstractmethod
    def publish(self, partial: PartialSamples, out: Path, weights: Array | None) -> None:
        """Make the file of all rows, whole or not at all.

        Args:
            partial: has the rows.
            out: the file or folder.
            weights: of the samples, of mean 1, (n,).

        Raises:
            StorageError: it can't be written.
        """

    def events(self, samples: Samples) -> Array:
        """The samples of a block as an array, in the dtype of the data where that is known."""
        return samples.x.numpy() if self.form.typed is None else self.form.typed(samples.x)


def class_names(labels: Array, classes: tuple[str, ...]) -> Array:
    """The names of classes (k,) as text; empty where a label is left out."""
    return np.array([*classes, ""])[labels]


def named(rows: Iterator[Array], classes: tuple[str, ...] | None) -> Iterator[Array]:
    """Labels in pieces, by their names; values as they are."""
    return rows if classes is None else (class_names(piece, classes) for piece in rows)


def refuse_reserved(names: tuple[str, ...], specs: Mapping[str, ConditionSpec], out: Path) -> None:
    """Refuse conditions with the name of something else in the same file.

    Raises:
        UsageError: the first of them.
    """
    for name in specs:
        if name in names:
            fix = f"--out {out.with_suffix('.npy')}"
            raise UsageError("an array of the file and a condition have one name", where="--out", got=name, fix=fix)


def side_file(out: Path, word: str) -> Path:
    """The file beside samples that has their weights or labels: ``x.weights.npy`` of ``x.npy``."""
    return out.with_suffix(f".{word}.npy")
