"""What stops a release."""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["ReleaseError"]


class ReleaseError(Exception):
    """A release can't go on; what is wrong, one line each."""

    def __init__(self, title: str, problems: Sequence[str] = ()) -> None:
        super().__init__("\n  ".join([title, *problems]))
