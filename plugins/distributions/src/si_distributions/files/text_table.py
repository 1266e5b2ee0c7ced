"""Reading text tables: numbers only, every row as long as the first, errors with line and column.

Large files go to a fast reader where one is installed (:mod:`.fast_text`). It hands over only what it is sure to have
read as :func:`read_strictly` would have; all else, and every error, is that function's.
"""

from __future__ import annotations

import csv
import io
import re
from array import array
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from si_core import DataError
from si_distributions.files.cells import comma_number, number
from si_distributions.files.contents import Contents, choose_columns, with_conditions
from si_distributions.files.fast_text import TextColumns, read_fast
from si_distributions.files.index_columns import has_row_names, without_index
from si_distributions.files.text_form import Header, TextForm, text_form

__all__ = ["read_strictly", "read_text", "reading_text"]

_LARGE = 2**20  # bytes from which a fast reader is worth its import


def read_text(
    path: Path,
    columns: Sequence[int | str] | None,
    label: int | str | None,
    where: str,
    conditions: Sequence[int | str] = (),
    header: Header = "auto",
) -> Contents:
    """The columns chosen, as float64, and the label's cells as text.

    Raises:
        DataError: text where a number is needed, rows of unequal length, another encoding than UTF-8, no rows.
    """
    with reading_text(path, where):
        form = text_form(path, where, header)
        skipped = {0} if columns is None and has_row_names(form, where) else set()
        chosen, label_index = choose_columns(form.names, columns, label, where, conditions, skipped)
        read = read_fast(path, form, chosen, label_index) if path.stat().st_size >= _LARGE else None
        found = read or read_strictly(path, form, chosen, label_index, where)
    contents = Contents(
        found.values,
        found.labels,
        tuple(form.names[i] for i in chosen) if form.header else None,
        found.lines,
        "label" if label_index is None else form.names[label_index] or "label",
    )
    if columns is None:
        contents = without_index(contents, len(conditions), where)
    return with_conditions(contents, conditions)


@contextmanager
def reading_text(path: Path, where: str) -> Iterator[None]:
    """Say of a file that is no text table what is wrong with it.

    Raises:
        DataError: the file is no UTF-8, or not readable as CSV.
    """
    try:
        yield
    except UnicodeDecodeError as error:
        raise _not_utf8(path, where) from error
    except csv.Error as error:
        fix = "look for a quotation mark that is never closed"
        raise DataError("the file is not readable as CSV", where=where, got=str(error), fix=fix) from error


def read_strictly(path: Path, form: TextForm, chosen: Sequence[int], label: int | None, where: str) -> TextColumns:
    """Read row by row, and cell by cell.

    Args:
        path: the file.
        form: how it is written.
        chosen: the columns of numbers, in the order wanted.
        label: the column of labels.
        where: the file, for errors.

    Raises:
        DataError: text where a number is needed, rows of unequal length, no rows.
        UnicodeDecodeError, csv.Error: the file is no UTF-8, or not readable as CSV.
    """
    numbers, labels, lines = array("d"), [], array("q")
    for line, cells in _records(path, form):
        if len(cells) != len(form.names):
            got = f"{len(cells)} cells, the first row has {len(form.names)}"
            raise DataError("a row of another length", where=f"{where}:{line}", got=got)
        for i in chosen:
            value = number(cells[i], form.decimal)
            if value is None:
                if form.undecided and comma_number(cells[i]) and form.separator != ",":
                    # The first number with decimals stands beyond the head.
                    return read_strictly(path, replace(form, decimal=",", undecided=False), chosen, label, where)
                raise _text(cells[i], i, form, f"{where}:{line}")
            numbers.append(value)
        if label is not None:
            labels.append(cells[label])
        lines.append(line)
    if not lines:
        raise DataError("the file has a header and no rows", where=where)
    values: NDArray[np.generic] = np.frombuffer(numbers or array("d", [0.0]), dtype=np.float64)
    values = values[: len(numbers)].reshape(len(lines), len(chosen))
    return TextColumns(values, None if label is None else np.array(labels), np.frombuffer(lines, dtype=np.int64))


def _records(path: Path, form: TextForm) -> Iterator[tuple[int, list[str]]]:
    """The rows that are not blank, with the lines on which they end."""
    spaces = form.separator == " "
    with path.open("rb") as raw:
        raw.seek(form.offset)
        text = io.TextIOWrapper(raw, encoding="utf-8", newline="")
        reader = csv.reader(text, delimiter=form.separator, strict=True, skipinitialspace=spaces)
        for cells in reader:
            if len(cells) > 1 or any(cell.strip() for cell in cells):
                if spaces and not cells[-1]:
                    del cells[-1]
                yield form.line - 1 + reader.line_num, [cell.strip() for cell in cells]


def _not_utf8(path: Path, where: str) -> DataError:
    data = path.read_bytes()
    try:
        data.decode("utf-8-sig")
        got = "text that changed while it was read"
    except UnicodeDecodeError as error:
        got = f"byte {data[error.start]:#04x} at offset {error.start}"
        line = data.count(b"\n", 0, error.start) + 1
        where = f"{where}:{line}"
    return DataError("the file is not UTF-8 text", where=where, got=got, fix="save it as UTF-8")


_FAULT = re.compile(r"#[A-Z][A-Z0-9_/]*[!?]?")
"""How spreadsheets write that a formula failed: ``#REF!``, ``#DIV/0!``, ``#NAME?``, ``#N/A``."""


def _text(cell: str, index: int, form: TextForm, where: str) -> DataError:
    column = f"column {form.names[index]!r}" if form.names[index] else f"column {index}"
    fix = "choose the columns with numbers in columns, or name this one as the label"
    if _FAULT.fullmatch(cell):
        fix = "the cell holds an error of a spreadsheet: mend its formula, or leave the cell empty as a missing value"
    elif "." in cell and form.decimal == ",":
        fix = "the file has decimal commas: write all numbers with them, without marks between thousands"
    elif "," in cell:
        fix = "write decimals with a point, and no marks between thousands"
    elif not form.header:
        fix += "; a header is a first row without any number, or set header: true"
    return DataError(
        f"{column}: a cell is no number",
        where=where,
        got=repr(cell if len(cell) <= 40 else cell[:37] + "..."),
        allowed="a number such as 1.5e-3, true or false, or nothing, NA or ? where the value is missing",
        fix=fix,
    )
