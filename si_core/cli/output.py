"""Standard output and error while a command runs: nothing that goes through them can steer a terminal.

Tables, errors, warnings, records of ``logging``, argparse and commands of plugins all end here, so what they say of
strangers' files is escaped here, once. Who draws on a terminal (progress bars) asks for it by :func:`terminal`, and
escapes what it is told itself.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, Literal, TextIO

from si_core.errors import printable

__all__ = ["EscapedOutput", "escaped_outputs", "terminal"]


class EscapedOutput:
    """A stream of text that escapes control characters; all else is the stream's own.

    It is no terminal, so that libraries send it no colours.

    Args:
        stream: where the text goes.
    """

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream

    def write(self, text: str) -> int:
        """Write the text, escaped; returns its length."""
        # A carriage return before the end of a line, as csv writes it, moves nothing.
        self.stream.write(printable(text.replace("\r\n", "\n")))
        return len(text)

    def writelines(self, lines: Iterable[str]) -> None:
        """Write the texts, escaped."""
        for line in lines:
            self.write(line)

    def isatty(self) -> bool:
        """No: what it is told does not reach a terminal as it is."""
        return False

    def __getattr__(self, name: str) -> Any:
        return getattr(self.stream, name)


@contextmanager
def escaped_outputs() -> Iterator[None]:
    """Escape what goes to standard output and error inside."""
    before = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = (stream and EscapedOutput(stream) for stream in before)
    try:
        yield
    finally:
        sys.stdout, sys.stderr = before


def terminal(name: Literal["stdout", "stderr"]) -> TextIO | None:
    """The stream that takes control characters, behind the escape; None where there is none."""
    stream: TextIO | EscapedOutput | None = getattr(sys, name)
    while isinstance(stream, EscapedOutput):
        stream = stream.stream
    return stream
