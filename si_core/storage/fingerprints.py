"""Fingerprints of the data of a process, kept beside what was trained on them: other data is another run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

__all__ = ["PARTS", "data_changes", "fingerprints"]

PARTS = ("source", "target", "coupling")
"""What may have a fingerprint: the ends, and a coupling whose pairs are data."""


class Ends(Protocol):
    """What data enter by: the ends of a process, and how they are paired."""

    @property
    def source(self) -> object:
        """The distribution at t = 0."""

    @property
    def target(self) -> object:
        """The distribution at t = 1."""

    @property
    def coupling(self) -> object:
        """How they are paired."""


def fingerprints(process: Ends) -> dict[str, str]:
    """What a data set calls its ``fingerprint``, by the part it plays; a law without one can't change."""
    parts: dict[str, object] = {"target": process.target, "coupling": process.coupling}
    if process.source is not process.target:
        parts = {"source": process.source, **parts}
    found = {part: getattr(data, "fingerprint", None) for part, data in parts.items()}
    return {part: mark for part, mark in found.items() if isinstance(mark, str)}


def data_changes(before: Mapping[str, object], now: Mapping[str, str]) -> str:
    """What changed between two sets of fingerprints, in words; empty where nothing did."""
    return "; ".join(
        f"{part}: {_short(before.get(part))} when it was trained, {_short(now.get(part))} now"
        for part in PARTS
        if before.get(part) != now.get(part)
    )


def _short(mark: object) -> str:
    return "no fingerprint" if mark is None else f"fingerprint {str(mark)[:16]}"
