"""Words of files and numbers in Markdown."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

__all__ = ["code", "listed", "number"]


def code(text: str) -> str:
    """Any text as code on one line, safe in a table: with a fence longer than any run of backticks in it."""
    plain = "".join(c if c.isprintable() else "?" for c in text).replace("|", "\\|")
    fence = "`" * (1 + max((len(run) for run in re.findall("`+", plain)), default=0))
    space = " " if "`" in plain or not plain.strip() else ""
    return f"{fence}{space}{plain}{space}{fence}"


def listed(names: Sequence[str], most: int) -> str:
    """Names as code, of many the first ones and how many there are."""
    shown = ", ".join(code(name) for name in names[:most])
    return shown if len(names) <= most else f"{shown}, ... ({len(names)} in all)"


def number(value: Any, digits: int = 6) -> str:
    """A number in few digits; anything else as a dash."""
    return f"{value:.{digits}g}" if isinstance(value, int | float) and not isinstance(value, bool) else "–"
