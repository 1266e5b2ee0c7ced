"""How a text table is written, found from its head: separator, decimal mark, comments, header.

The separator is the tab, semicolon, comma or space that cuts the first rows into equally many cells, most of them
numbers; a line ``sep=;`` before them says it outright. Decimal commas are recognised where a cell is one and none has a
point. Lines before the table that are blank or begin with ``#`` are no part of it. A first row with names alone, no
number among them, is a header, unless the user says otherwise.
"""

from __future__ import annotations

import csv
import logging
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from si_core import DataError, UsageError
from si_distributions.files.cells import Decimal, comma_number, is_missing, number, point_number

__all__ = ["Header", "TextForm", "text_form"]

Header = Literal["auto"] | bool
_SEPARATORS = "\t;, "
_HEAD = 2**16  # letters looked at
_ROWS = 200  # rows looked at
_EXCEL = re.compile(r'"?sep=([;,\t|])"?', re.IGNORECASE)
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class TextForm:
    """The form of a text table.

    Args:
        separator: between cells.
        decimal: the decimal mark.
        undecided: whether no number of the head had any decimals.
        names: of the columns, empty texts in a table without a header.
        header: whether there is one.
        line: the number of the line on which the rows begin, from 1.
        offset: the byte at which they begin.
        sample: the first of them, as cells.
    """

    separator: str
    decimal: Decimal
    undecided: bool
    names: tuple[str, ...]
    header: bool
    line: int
    offset: int
    sample: tuple[tuple[str, ...], ...]


def text_form(path: Path, where: str, header: Header = "auto") -> TextForm:
    """Find the form of a file.

    Raises:
        DataError: there is nothing in it, or a header alone.
        UsageError: a header that is neither true, false nor auto.
        UnicodeDecodeError, csv.Error: of the head.
    """
    if header not in ("auto", True, False):
        raise UsageError("not an option", where=f"{where}: header", got=repr(header), allowed="auto, true, false")
    with path.open("rb") as raw:
        start = 3 if raw.read(3) == b"\xef\xbb\xbf" else 0
    with path.open(encoding="utf-8-sig", newline="") as file:
        line, offset, separator = 1, start, None
        first = file.readline()
        while first:
            excel = _EXCEL.fullmatch(first.strip())
            separator = excel[1] if excel else separator
            if first.strip() and not first.startswith("#") and not excel:
                break
            line, offset = line + 1, offset + len(first.encode())
            first = file.readline()
        lines = [first, *file.readlines(_HEAD)]
        whole = not file.readline()
    if not first:
        raise DataError("the file has no rows", where=where)
    separator = separator or _separator(lines, whole)
    reader = csv.reader(lines, delimiter=separator, strict=True, skipinitialspace=separator == " ")
    top = _stripped(next(reader), separator)
    rows = [row for row in _rows(lines, separator, whole)[1:] if len(row) == len(top)]
    named = header is True or (header == "auto" and _is_header(top))
    if named:
        line, offset = line + reader.line_num, offset + sum(len(text.encode()) for text in lines[: reader.line_num])
    elif header == "auto":
        _warn_of_years(top, where)
    cells = [cell for row in (rows if named else [top, *rows]) for cell in row]
    commas = any(comma_number(cell) and (separator != "," or not _thousands(cell)) for cell in cells)
    points = any(point_number(cell) for cell in cells)
    return TextForm(
        separator,
        "," if commas and not points else ".",
        not commas and not points,
        tuple(top) if named else ("",) * len(top),
        named,
        line,
        offset,
        tuple(tuple(row) for row in (rows if named else [top, *rows])),
    )


def _separator(lines: Sequence[str], whole: bool) -> str:
    """The separator that fits best; where none does, the one found most often in the first line."""
    best, found = -1.0, None
    for separator in _SEPARATORS:
        rows = _rows(lines, separator, whole)
        if len({len(row) for row in rows}) != 1 or len(rows[0]) < 2:
            continue
        cells = [cell for row in rows[1:] or rows for cell in row]
        numbers = sum(number(cell) is not None or comma_number(cell) for cell in cells) / len(cells)
        if numbers > best and (separator != " " or numbers >= 0.5):
            best, found = numbers, separator
    return found or max(",;\t", key=lines[0].count)


def _rows(lines: Sequence[str], separator: str, whole: bool) -> list[list[str]]:
    """The first rows that are not blank; the last one of a longer file may be cut."""
    reader = csv.reader(lines, delimiter=separator, skipinitialspace=separator == " ")
    found = []
    try:
        for cells in reader:
            if len(cells) > 1 or any(cell.strip() for cell in cells):
                found.append(_stripped(cells, separator))
            if len(found) > _ROWS:
                return found
    except csv.Error:
        return found
    return found if whole or len(found) < 2 else found[:-1]


def _stripped(cells: Sequence[str], separator: str) -> list[str]:
    """The cells without the space around them; spaces at the end of a line separate nothing."""
    cells = [cell.strip() for cell in cells]
    return cells[:-1] if separator == " " and len(cells) > 1 and not cells[-1] else cells


def _is_header(cells: Sequence[str]) -> bool:
    given = [cell for cell in cells if not is_missing(cell)]
    return bool(given) and all(number(cell) is None and not comma_number(cell) for cell in given)


def _thousands(cell: str) -> bool:
    return re.fullmatch(r"[+-]?[1-9]\d{0,2}(,\d{3})+", cell) is not None


def _warn_of_years(cells: Sequence[str], where: str) -> None:
    """Years are names and numbers at once: the user is told what they were taken for."""
    years = [int(cell) for cell in cells if re.fullmatch(r"[12]\d{3}", cell)]
    if len(cells) > 1 and len(years) == len(cells) and years == list(range(years[0], years[0] + len(years))):
        _log.warning(
            "%s: the first row, %s to %s, was read as numbers; if these are names, set header: true",
            where,
            cells[0],
            cells[-1],
        )
