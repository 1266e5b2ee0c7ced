"""What `si doctor` finds: a state, what was seen or measured, and what to do about it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = ["Finding", "State"]

State = Literal["ok", "note", "slow", "wrong"]
"""``note``: worth knowing; ``slow``: work takes longer than it must; ``wrong``: something will fail."""


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at.

    Args:
        area: of a few: installed, plugins, compute, places.
        name: what was looked at.
        state: how it is.
        text: what was seen, with its numbers.
        fix: what to type or to change; empty where all is well.
        code: the exit code that stands for it, where it is wrong.
    """

    area: str
    name: str
    state: State
    text: str
    fix: str = ""
    code: int = 1
