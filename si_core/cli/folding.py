"""Lines on a terminal are folded between words; in a pipe or a file they stay whole, for programs to read.

Words stay whole however narrow the terminal is, so that a path or a command can be copied.
"""

from __future__ import annotations

import argparse
import re
import shutil
import textwrap
from typing import Any, Literal

from si_core.cli.output import terminal

__all__ = ["HelpFormatter", "columns", "error_text", "folded", "print_text"]

_LEAST = 20
"""Columns below which a terminal is left to fold by itself."""

_EXAMPLE = re.compile(r"^(\s+\S.*?)\s{2,}(\S.*)$")
"""An example of a help text: a command, and after two spaces what it does."""


def columns(name: Literal["stdout", "stderr"]) -> int | None:
    """The columns of the terminal behind an output; None where there is none, or one too narrow."""
    stream = terminal(name)
    if stream is None or not stream.isatty():
        return None
    width = shutil.get_terminal_size().columns
    return width if width >= _LEAST else None


def folded(text: str, width: int | None, hanging: str = "") -> list[str]:
    """A line as lines of at most ``width`` letters, those after the first with ``hanging`` before them."""
    if width is None or len(text) <= width:
        return [text]
    before = text[: len(text) - len(text.lstrip())]
    return textwrap.wrap(
        text.strip(),
        max(width, len(before) + len(hanging) + _LEAST),
        initial_indent=before,
        subsequent_indent=before + hanging,
        break_long_words=False,
        break_on_hyphens=False,
    )


def print_text(text: str) -> None:
    """Print text for people, each line folded to the terminal."""
    width = columns("stdout")
    for line in text.split("\n"):
        print("\n".join(folded(line, width)))


def error_text(text: str) -> str:
    """An error for standard error: on a terminal folded, its fix on a line of its own that stays whole."""
    width = columns("stderr")
    if width is None or all(len(line) <= width for line in text.split("\n")):
        return text
    lines = []
    for line in text.split("\n"):
        told, mark, fix = line.partition("fix: ") if len(line) > width else (line, "", "")
        lines += folded(told.removesuffix("; "), width, "  ") if told.strip() else []
        lines += [f"  fix: {fix}"] if mark else []
    return "\n".join(lines)


class HelpFormatter(argparse.HelpFormatter):
    """argparse's, with examples in columns: their lines begin with spaces, and stay lines."""

    def _format_usage(self, *arguments: Any) -> str:
        """A usage that a command has written itself is folded as argparse folds its own."""
        lines = super()._format_usage(*arguments).split("\n")
        return "\n".join(part for line in lines for part in folded(line, self._width, " " * len("usage: ")))

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        paragraphs: list[str] = []
        for line in text.strip("\n").split("\n"):
            plain = not line.startswith(" ") and bool(line)
            if plain and paragraphs and paragraphs[-1] and not paragraphs[-1].startswith(" "):
                paragraphs[-1] += f" {line}"
            else:
                paragraphs.append(line)
        return "\n".join(indent + each for line in paragraphs for each in self._shown(line, width - len(indent)))

    def _shown(self, line: str, width: int) -> list[str]:
        example = _EXAMPLE.match(line)
        if len(line) <= width or example is None:
            return folded(line, width)
        return [example[1], *folded(f"      {example[2]}", width)]
