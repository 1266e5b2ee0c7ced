"""What was found in data."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["MOST_CLASSES", "Column", "FoundImages", "FoundTable"]

MOST_CLASSES = 1000
"""Values beyond which a column is no choice among classes."""


_USUAL = ("label", "labels", "class", "target", "species", "category", "kind", "y")
"""Names that columns of classes have."""


@dataclass(frozen=True)
class Column:
    """A column of a table, or an array beside the rows.

    Args:
        name: its name, or its place from 0 where the file has no names.
        numeric: whether it holds numbers.
        missing: rows that have nothing there, or nothing finite.
        classes: its values, where they are few enough for classes: texts, truth values or whole numbers; else none.
        constant: whether all its numbers are one and the same, of which there is nothing to learn.
    """

    name: str | int
    numeric: bool
    missing: int
    classes: tuple[str, ...] = ()
    constant: bool = False


@dataclass(frozen=True)
class FoundTable:
    """Rows of a file.

    Args:
        path: the file.
        rows: how many there are.
        shape: of one row.
        columns: of a table; empty for an array of several axes.
        lacking: rows in which a number is missing.
        key: of the array in a .npz file.
        beside: further arrays with a value for each row, in a .npz file.
        bytes_: whether the numbers are those of pixels, 0 to 255.
    """

    path: str
    rows: int
    shape: tuple[int, ...]
    columns: tuple[Column, ...] = ()
    lacking: int = 0
    key: str | None = None
    beside: tuple[Column, ...] = ()
    bytes_: bool = False

    @property
    def labels(self) -> tuple[Column, ...]:
        """What may be classes; what most likely is comes first: arrays beside, texts, names that say so."""
        return tuple(sorted((each for each in (*self.columns, *self.beside) if each.classes), key=self._doubt))

    @property
    def likely_label(self) -> Column | None:
        """What most likely holds classes: no mere column of whole numbers."""
        first = next(iter(self.labels), None)
        return first if first is not None and self._doubt(first) < 3 else None

    def _doubt(self, column: Column) -> int:
        if column in self.beside:
            return 0
        named = str(column.name).lower() in _USUAL
        return (1 if named else 2) if not column.numeric or named else 3


@dataclass(frozen=True)
class FoundImages:
    """Images of a folder.

    Args:
        path: the folder.
        rows: how many there are.
        sizes: (height, width) of them with how many there are of each, the most frequent first.
        channels: 1 where all are grey, else 3.
        classes: the names of the sub-folders they lie in.
        damaged: how many can't be opened.
    """

    path: str
    rows: int
    sizes: tuple[tuple[tuple[int, int], int], ...]
    channels: int
    classes: tuple[str, ...] = ()
    damaged: int = 0
