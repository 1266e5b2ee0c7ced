"""Plain output: aligned columns, the same on a terminal and in a pipe, and JSON.

Texts of plugins are printed on one line without control characters: a summary can't move the cursor.
"""

from __future__ import annotations

import json
import shutil
import textwrap
from collections.abc import Iterable, Sequence

from si_core.cli.output import terminal
from si_core.errors import printable

__all__ = ["one_line", "print_json", "print_table"]

_GAP = "  "


def one_line(text: object) -> str:
    """Return ``text`` on one line, without characters that control a terminal."""
    return printable(" ".join(str(text).split()))


def print_json(value: object) -> None:
    """Print a value as JSON in ASCII, which every encoding can carry."""
    print(json.dumps(value, indent=2, allow_nan=False))


def print_table(
    rows: Iterable[Sequence[object]], header: Sequence[str] = (), indent: str = "", least: Sequence[int] = ()
) -> None:
    """Print rows in aligned columns; on a terminal the last column is folded to its width.

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
    for line in table:
        start = indent + _GAP.join(cell.ljust(width) for cell, width in zip(line[:-1], widths, strict=False))
        start += _GAP if len(line) > 1 else ""
        first, *rest = _folded(line[-1], len(start))
        print((start + first).rstrip())
        for part in rest:
            print(" " * len(start) + part)


def _folded(text: str, used: int) -> list[str]:
    stream = terminal("stdout")
    if stream is None or not stream.isatty():
        return [text]
    room = shutil.get_terminal_size().columns - used
    return textwrap.wrap(text, room) or [""] if room >= 20 else [text]
