"""Questions on a terminal, each with an answer that Enter takes."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from si_core import UsageError

__all__ = ["ask", "somebody_there"]


def somebody_there() -> bool:
    """Whether questions reach a person."""
    return sys.stdin is not None and sys.stdin.isatty()


def ask(question: str, default: str, allowed: Sequence[str] = ()) -> str:
    """The answer to a question; the default where nothing is typed.

    Args:
        question: without its mark.
        default: what Enter means; empty where something must be typed.
        allowed: the answers; any where empty. Another one is asked for again.

    Raises:
        UsageError: the terminal was closed (Ctrl-D).
    """
    while True:
        try:
            given = input(f"{question}{f' [{default}]' if default else ''}: ").strip() or default
        except EOFError:
            print()
            raise UsageError("no answer", where="si init", fix="give it by an option: si init --help") from None
        if given and (not allowed or given in allowed):
            return given
        print(f"  one of: {', '.join(allowed)}" if allowed else "  something must be typed here")
