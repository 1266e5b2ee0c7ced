"""Suggestions for a misspelt word."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

__all__ = ["did_you_mean", "nearest"]


def nearest(word: str, known: Iterable[str], *, count: int = 1, cutoff: float = 0.6) -> list[str]:
    """Return up to ``count`` known words that look like ``word``, nearest first.

    Args:
        word: what was written.
        known: the words that are allowed; their order has no effect.
        count: largest number of suggestions.
        cutoff: least similarity, the ratio of :class:`difflib.SequenceMatcher` in [0, 1].
    """
    return difflib.get_close_matches(word.lower(), sorted(known), n=count, cutoff=cutoff)


def did_you_mean(word: str, known: Iterable[str]) -> str | None:
    """Return ``"did you mean 'heun'?"`` for a word near to known ones, None if none is near."""
    near = nearest(word, known, count=3)
    return f"did you mean {' or '.join(repr(other) for other in near)}?" if near else None
