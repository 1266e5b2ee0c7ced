"""Readers: how plugins make files of further suffixes readable wherever a path of data stands.

A reader is a component of the kind ``reader`` whose name is the suffix without its dot, such as ``h5ad``. It says what
is in a file: numbers in memory, or a :class:`~.row_store.RowStore` that reads rows when they are drawn; all else
(missing values, labels, the split, standardisation, memory or file) is that of every data set.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from si_core import DataError
from si_core.public.discovery import available, catalogue, load
from si_distributions.files.contents import Contents

__all__ = ["Chosen", "Reader", "folder_suffixes", "reader_of", "suffixes", "unknown_format"]


@dataclass(frozen=True)
class Chosen:
    """What of a file is asked for.

    Args:
        key: which of its arrays has the events; None for the only one, or the one that the format has for them.
        columns: names or indices of the columns to keep, in this order; None for all.
        label: what has one class for each row, by name or index; None for none.
        conditions: what has numbers for each row that networks are given, by name or index.
    """

    key: str | None = None
    columns: Sequence[int | str] | None = None
    label: int | str | None = None
    conditions: Sequence[int | str] = ()


class Reader(ABC):
    """Reads files of one suffix.

    Attributes:
        folder: whether a data set of this suffix is a folder.
    """

    folder: bool = False

    @abstractmethod
    def read(self, path: Path, chosen: Chosen, where: str) -> Contents:
        """The rows of a file, checked for everything but missing values.

        Args:
            path: a file that is not empty, or a folder.
            chosen: what of it is asked for; conditions keep their names.
            where: the path as the user wrote it, for errors.

        Returns:
            Contents: ``values`` an array (N, *event) or a :class:`~.row_store.RowStore`; rows and their order are those
            of the file.

        Raises:
            DataError: it is damaged, or has not what is asked for; with what it has.
            UsageError: a package that it takes is not installed; with the command that installs it.
        """

    @abstractmethod
    def write(self, path: Path, values: NDArray[np.generic]) -> None:
        """Write rows (N, *event) in the form that :meth:`read` takes for events: examples, by which it is checked.

        Raises:
            UsageError: the format has no events of this shape.
        """

    def names(self, path: Path, where: str) -> tuple[str, ...] | None:
        """The names of the columns, without the rows; None where there are none.

        Raises:
            DataError, UsageError: as for :meth:`read`.
        """
        return None


def suffixes() -> tuple[str, ...]:
    """The suffixes that the installed readers know, such as ``.h5ad``."""
    return tuple(f".{found.component.name}" for found in available("reader"))


def folder_suffixes() -> tuple[str, ...]:
    """Those whose data sets are folders."""
    return tuple(suffix for suffix in suffixes() if load("reader", suffix[1:]).folder)


def reader_of(suffix: str) -> Reader:
    """The reader of a suffix, one of :func:`suffixes`.

    Raises:
        PluginError: several plugins offer one, or its own is broken.
    """
    made: Reader = load("reader", suffix[1:])()
    return made


def unknown_format(suffix: str, where: str, known: Sequence[str]) -> DataError:
    """The error of a suffix that nobody reads, with the plugin that would."""
    listed = [entry.install for entry in catalogue() if suffix[1:] in entry.components.get("reader", ())]
    fix = f"run {listed[0]!r}, then try again" if listed else None
    return DataError("unknown file format", where=where, got=repr(suffix), allowed=", ".join(known), fix=fix)
