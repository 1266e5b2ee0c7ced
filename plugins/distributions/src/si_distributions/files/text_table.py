"""Reading .csv files: numbers only, every row as long as the first, errors with line and column.

The separator is the comma, semicolon or tab found most often in the first line. A first row without a single number is
a header. An empty cell is a missing value (NaN).
"""

from __future__ import annotations

import csv
import math
from array import array
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from si_core import DataError
from si_distributions.files.contents import Contents, choose_columns, with_conditions

__all__ = ["read_csv"]


def read_csv(
    path: Path,
    columns: Sequence[int | str] | None,
    label: int | str | None,
    where: str,
    conditions: Sequence[int | str] = (),
) -> Contents:
    """The columns chosen, as float64, and the label's cells as text.

    Raises:
        DataError: text where a number is needed, rows of unequal length, another encoding than UTF-8, no rows.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            first = file.readline()
            separator = max(",;\t", key=first.count)
            file.seek(0)
            return _read(
                _records(csv.reader(file, delimiter=separator, strict=True)), columns, label, where, conditions
            )
    except UnicodeDecodeError as error:
        raise _not_utf8(path, where) from error
    except csv.Error as error:
        fix = "look for a quotation mark that is never closed"
        raise DataError("the file is not readable as CSV", where=where, got=str(error), fix=fix) from error


def _records(reader: Iterator[list[str]]) -> Iterator[tuple[int, list[str]]]:
    """The rows that are not blank, with the lines on which they end."""
    for cells in reader:
        if any(cell.strip() for cell in cells) or len(cells) > 1:
            yield reader.line_num, [cell.strip() for cell in cells]  # type: ignore[attr-defined]


def _read(
    records: Iterator[tuple[int, list[str]]],
    columns: Sequence[int | str] | None,
    label: int | str | None,
    where: str,
    conditions: Sequence[int | str],
) -> Contents:
    line, first = next(records, (0, []))
    if not first:
        raise DataError("the file has no rows", where=where)
    header = any(first) and all(_number(cell) is None for cell in first if cell)
    names = first if header else [""] * len(first)
    chosen, label_index = choose_columns(names, columns, label, where, conditions)
    numbers, labels, lines = array("d"), [], array("q")

    def take(line: int, cells: list[str]) -> None:
        if len(cells) != len(first):
            got = f"{len(cells)} cells, the first row has {len(first)}"
            raise DataError("a row of another length", where=f"{where}:{line}", got=got)
        for i in chosen:
            value = _number(cells[i]) if cells[i] else math.nan
            if value is None:
                raise _text(cells[i], i, names, f"{where}:{line}", header)
            numbers.append(value)
        if label_index is not None:
            labels.append(cells[label_index])
        lines.append(line)

    if not header:
        take(line, first)
    for line, cells in records:
        take(line, cells)
    if not lines:
        raise DataError("the file has a header and no rows", where=where)
    contents = Contents(
        np.frombuffer(numbers, dtype=np.float64).reshape(len(lines), len(chosen)),
        None if label_index is None else np.array(labels),
        tuple(names[i] for i in chosen) if header else None,
        np.frombuffer(lines, dtype=np.int64),
        "label" if label_index is None else names[label_index] or "label",
    )
    return with_conditions(contents, conditions)


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


def _number(cell: str) -> float | None:
    # float() also reads 1_000 and digits of other scripts, which no table means.
    if "_" in cell or not cell.isascii():
        return None
    try:
        return float(cell)
    except ValueError:
        return None


def _text(cell: str, index: int, names: list[str], where: str, header: bool) -> DataError:
    column = f"column {names[index]!r}" if names[index] else f"column {index}"
    fix = "choose the columns with numbers in columns, or name this one as the label"
    return DataError(
        f"{column}: a cell is no number",
        where=where,
        got=repr(cell if len(cell) <= 40 else cell[:37] + "..."),
        allowed="a number such as 1.5e-3, or nothing where the value is missing",
        fix=fix if header else f"{fix}; a header is a first row without any number",
    )
