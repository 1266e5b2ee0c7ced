"""Reading large text tables by pyarrow or pandas, where one of them is installed.

A fast reader may only give what :func:`~.text_table.read_strictly` would: equal numbers, bit for bit, and equal labels.
So the bytes are looked at first, which costs a few per cent: line ends, quotation marks and the encoding must be as
plain as those of any table that a program wrote. Whatever is not, and whatever the reader stumbles on, is read strictly
from the start, where errors have their line, column and cell.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from si_distributions.files.cells import is_truth
from si_distributions.files.text_form import TextForm

__all__ = ["FastReader", "PlainText", "TextColumns", "chunks", "plain_text", "read_fast"]

_CHUNK = 2**22


@dataclass(frozen=True)
class TextColumns:
    """What a reader gives.

    Args:
        values: the columns of numbers, float64, NaN where they are missing, shape (N, k).
        labels: the cells of the label, text, shape (N,), or None.
        lines: the line of each row.
    """

    values: NDArray[np.generic]
    labels: NDArray[np.generic] | None
    lines: Sequence[int] | NDArray[np.int64]


@dataclass(frozen=True)
class PlainText:
    """What the bytes of a plain table say.

    Args:
        rows: how many there are.
        quoted: whether there are quotation marks.
        truths: the columns among those chosen whose first cells are true or false.
    """

    rows: int
    quoted: bool
    truths: frozenset[int]


FastReader = Callable[[Path, TextForm, PlainText, Sequence[int], "int | None"], "TextColumns | None"]


def read_fast(path: Path, form: TextForm, chosen: Sequence[int], label: int | None) -> TextColumns | None:
    """The columns, or None where no fast reader is installed or none vouches for the file."""
    from si_distributions.files.fast_pandas import read_by_pandas
    from si_distributions.files.fast_pyarrow import read_by_pyarrow

    plain = plain_text(path, form, chosen)
    if plain is None:
        return None
    reader: FastReader
    for reader in (read_by_pyarrow, read_by_pandas):
        found = reader(path, form, plain, chosen, label)
        if found is not None:
            return found
    return None


def plain_text(path: Path, form: TextForm, chosen: Sequence[int]) -> PlainText | None:
    """What the bytes say; None for a table that is not plain."""
    separator = form.separator.encode()
    rows, quoted = 0, False
    for chunk in chunks(path, form.offset):
        if not chunk.isascii():
            try:
                chunk.decode()
            except UnicodeDecodeError:
                return None
        if b"\0" in chunk or (b"\r" in chunk and chunk.count(b"\r") != chunk.count(b"\r\n")):
            return None
        if b'"' in chunk:
            quoted = True
            if not _plainly_quoted(chunk, separator):
                return None
        rows += chunk.count(b"\n")
    first = {i: [row[i].lower() for row in form.sample] for i in chosen}
    truths = frozenset(i for i, cells in first.items() if any(is_truth(cell) for cell in cells))
    return PlainText(rows, quoted, truths)


def chunks(path: Path, offset: int) -> Iterator[bytes]:
    """The bytes from an offset on, in pieces of whole lines; empty lines at the end are left out."""
    with path.open("rb") as file:
        file.seek(offset)
        held = b""
        while piece := file.read(_CHUNK):
            lines = b"".join((held, piece, file.readline()))
            held = b""
            if not lines.endswith(b"\n") or lines.endswith((b"\n\n", b"\n\r\n")):
                # The first line end stays; the others are given with what follows, if anything does.
                whole = lines.rstrip(b"\r\n")
                held = lines[len(whole) :]
                held = held[held.find(b"\n") + 1 :] if whole else held
                lines = whole + b"\n" if whole else b""
            if lines:
                yield lines


def _plainly_quoted(chunk: bytes, separator: bytes) -> bool:
    """Whether each quotation mark opens or closes a whole cell."""
    opened = chunk.count(separator + b'"') + chunk.count(b'\n"') + chunk.startswith(b'"')
    closed = chunk.count(b'"' + separator) + chunk.count(b'"\n') + chunk.count(b'"\r\n')
    return opened == closed and opened + closed == chunk.count(b'"')
