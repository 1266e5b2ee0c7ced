"""Plain output: aligned columns, the same on a terminal and in a pipe, and JSON.

Texts of plugins are printed on one line without control characters: a summary can't move the cursor.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence

from si_core.cli.folding import columns, folded
from si_core.errors import printable

__all__ = ["one_line", "print_json", "print_table"]

_GAP, _FURTHER = "  ", "    "

_ROOM = 20
"""Letters of the last column that need to fit beside the others."""


def one_line(text: object) -> str:
    """Return ``text`` on one line, without characters that control a terminal."""
    return printable(" ".join(str(text).split()))


def print_json(value: object) -> None:
    """Print a value as JSON in ASCII, which every encoding can carry."""
    print(json.dumps(value, indent=2, allow_nan=False))


def print_table(
    rows: Iterable[Sequence[object]], header: Sequence[str] = (), indent: str = "", least: Sequence[int] = ()
) -> None:
    """Print rows in aligned columns.

    On a terminal the last column is folded to its width; where that leaves no room for it, each row becomes lines of
    its own, without columns.

    Args:
        rows: cells of equal number in each row.
        header: titles of the columns; none by default.
        indent: what to put before each line.
        least: least widths of the first columns, to align several tables.
    """
    lines = [[one_line(cell) for cell in row] for row in rows]
    table = [list(header), *lines] if header else lines
    if not table:
        return
    widths = [max(len(line[column]) for line in table) for column in range(len(table[0]))]
    widths[: len(least)] = map(max, widths, least)
    width = columns("stdout")
    start = len(indent) + sum(each + len(_GAP) for each in widths[:-1])
    if width is not None and start + min(_ROOM, widths[-1]) > width:
        for line in table:
            print("\n".join(_one_below_another(line, indent, width)))
        return
    for line in table:
        cells = indent + "".join(cell.ljust(each) + _GAP for cell, each in zip(line[:-1], widths, strict=False))
        first, *rest = folded(line[-1], None if width is None else width - start)
        print((cells + first).rstrip())
        for part in rest:
            print(" " * start + part)


def _one_below_another(cells: Sequence[str], indent: str, width: int) -> list[str]:
    """A row without columns: on one line where that is enough, else the last cell below the others."""
    given = [cell for cell in cells if cell]
    whole = indent + _GAP.join(given)
    if len(whole) <= width:
        return [whole]
    *first, last = given
    return [
        *(folded(indent + _GAP.join(first), width, _FURTHER) if first else []),
        *folded(indent + _FURTHER + last, width),
    ]
