"""Words that processes which work together leave for each other: why one ended, and who has left.

They are kept by whoever started the processes; where that one is gone too, nothing is known.
"""

from __future__ import annotations

import time
from typing import Any

__all__ = ["LeftWords"]

_GONE = (RuntimeError, ValueError)
"""What a store raises whose keeper is gone."""


class LeftWords:
    """What the processes have left in a store.

    Args:
        store: of torch.distributed, shared by all.
    """

    def __init__(self, store: Any) -> None:
        self._store = store

    def leave(self, words: str) -> bool:
        """Leave the cause for the others; returns whether it is the first one."""
        try:
            # Of several that miss the same one all have the same words.
            first: bool = self._store.add("voices", 1) == 1
            if first:
                self._store.set("cause", words)
            return first
        except _GONE:
            return True

    def cause(self, seconds: float) -> str | None:
        """The cause that a process left, waited for; None where there is none."""
        until = time.monotonic() + seconds
        while not self._has("cause"):
            if time.monotonic() > until:
                return None
            time.sleep(0.05)
        try:
            words: str = self._store.get("cause").decode(errors="replace")
        except _GONE:
            return None
        return words

    def here(self, rank: int) -> None:
        """A process is at work with the others."""
        try:
            if self._has(_left(rank)):
                self._store.delete_key(_left(rank))
        except _GONE:
            return  # nobody is left to read it

    def leaves(self, rank: int) -> None:
        """A process leaves, and knows it."""
        try:
            self._store.set(_left(rank), "1")
        except _GONE:
            return  # nobody is left to read it

    def has_left(self, rank: int) -> bool:
        """Whether a process has said that it leaves."""
        return self._has(_left(rank))

    def _has(self, key: str) -> bool:
        try:
            return bool(self._store.check([key]))
        except _GONE:
            return False


def _left(rank: int) -> str:
    return f"left/{rank}"
