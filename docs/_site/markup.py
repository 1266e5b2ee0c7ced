"""Small pieces of Markdown."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from typing import Any

from sphinx.ext.napoleon import Config, GoogleDocstring

__all__ = ["cell", "code", "escaped", "fenced", "plain", "rst", "table"]

_STYLE = Config(napoleon_use_rtype=False)


def code(text: str) -> str:
    """Text in the face of code."""
    ticks = "``" if "`" in text else "`"
    return f"{ticks}{text}{ticks}"


def cell(text: str) -> str:
    """Text of a docstring in a cell of a table: on one line, with what would end the cell or begin markup escaped."""
    # Roles are shown as the code that they name.
    text = re.sub(r":\w+:`~?([^`]*)`", r"``\1``", " ".join(text.split()))
    parts = re.split(r"(``.+?``)", text)
    parts[::2] = [re.sub(r"([|<>*_$\[\]{}])", r"\\\1", part) for part in parts[::2]]
    parts[1::2] = [code(part[2:-2]).replace("|", r"\|") for part in parts[1::2]]
    return "".join(parts)


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table of cells that are Markdown already."""
    lines = [f"| {' | '.join(row)} |" for row in (header, ["---"] * len(header), *rows)]
    return "\n".join(lines) + "\n"


def fenced(text: str, language: str = "text") -> str:
    """A block of code."""
    fence = "`" * max(3, 1 + max((len(run) for run in re.findall("`+", text)), default=0))
    return f"{fence}{language}\n{text.rstrip()}\n{fence}\n"


def escaped(line: str) -> str:
    """A line of reStructuredText in which ``(B, *event)`` is no emphasis, wherever it is not code already."""
    parts = line.split("``")
    parts[::2] = [re.sub(r"(?<![\w*\\])\*(?=[a-z_]+\b(?!\*))", r"\\*", part) for part in parts[::2]]
    return "``".join(parts)


def rst(text: str) -> str:
    """A docstring, whose markup is reStructuredText with the sections of Google's style."""
    lines = GoogleDocstring("\n".join(map(escaped, text.strip().splitlines())), _STYLE).lines()
    return "```{eval-rst}\n" + "\n".join(lines).strip() + "\n```\n" if "```" not in text else fenced(text)


def plain(value: Any) -> str:
    """A default as a recipe writes it."""
    return json.dumps(value, ensure_ascii=False)
