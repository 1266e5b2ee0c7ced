"""One file of a data set in parts: what it holds, and how its rows are read."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from si_distributions.files.picture import PictureReader
from si_distributions.files.recent import Recent
from si_distributions.files.row_store import FileState

__all__ = ["Fields", "PieceShard", "RowShard", "Shard", "Wanted"]

Fields = Mapping[str, NDArray[np.generic]]
"""Rows: events under the empty name, conditions under theirs, each (n, *shape)."""


@dataclass(frozen=True)
class Wanted:
    """What of a file is read.

    Args:
        key: the array or column of events; None where there is one, or for all other columns.
        label: the array, column or suffix of labels.
        conditions: arrays or columns of values.
        picture: how images are decoded: channels and size.
        opened: files that are open, shared by all shards.
    """

    key: str | None
    label: str | None
    conditions: Sequence[str]
    picture: PictureReader
    opened: Recent[Any]


class Shard(ABC):
    """A file with some of the rows; nothing of it is open, but what ``Wanted.opened`` keeps.

    Attributes:
        state: the file as it was when it was first read.
        shapes: of an event and of the conditions of a row, by name.
        dtypes: as the file has them.
        labels: one a row as the file has it, or None.
        columns: the names of the entries of an event, where it has some.
        pictures: whether events are images.
    """

    state: FileState
    count: int
    shapes: Mapping[str, tuple[int, ...]]
    dtypes: Mapping[str, np.dtype[np.generic]]
    labels: NDArray[np.generic] | None = None
    columns: tuple[str, ...] | None = None
    pictures: bool = False

    def named(self, row: int) -> str:
        """How an error names a row."""
        return f"row {row} of {self.state.path}"

    @abstractmethod
    def described(self) -> str:
        """What its header says, for a digest."""


class RowShard(Shard):
    """A file of which any row is cheap to read."""

    @abstractmethod
    def take(self, index: NDArray[np.int64]) -> Fields:
        """Rows in any order.

        Raises:
            DataError: the file changed, or a row can't be read: its name.
        """

    def span(self, start: int, stop: int) -> Fields:
        """Rows one after the other."""
        return self.take(np.arange(start, stop))


class PieceShard(Shard):
    """A file in pieces, each of which is cheap to read as a whole only.

    Attributes:
        pieces: the rows of each.
    """

    pieces: tuple[int, ...]

    @abstractmethod
    def piece(self, k: int) -> Fields:
        """All rows of a piece.

        Raises:
            DataError: the file changed, or can't be read.
        """
