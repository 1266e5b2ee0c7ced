"""Fingerprints of data, kept beside what was trained on them: other data is another run."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

PARTS = ("source", "target", "coupling")
"""What may have a fingerprint: the ends, and a coupling whose pairs are data."""


def fingerprints(parts: Mapping[str, object]) -> dict[str, str]:
    """What a data set calls its ``fingerprint``, by the part it plays (:data:`PARTS`); a law without one can't change.

    Args:
        parts: the data sets and laws, such as :func:`si_core.process.fingerprint.data_parts` of a process.
    """
    found = {part: getattr(data, "fingerprint", None) for part, data in parts.items()}
    return {part: mark for part, mark in found.items() if isinstance(mark, str)}


def data_changes(
    before: Mapping[str, object], now: Mapping[str, str], files: Mapping[str, str] = MappingProxyType({})
) -> str:
    """What changed between two sets of fingerprints, in words, with the files of a part; empty where nothing did."""
    return "; ".join(
        f"{part}{f' of {files[part]}' if files.get(part) else ''}: "
        f"{_short(before.get(part))} when it was trained, {_short(now.get(part))} now"
        for part in PARTS
        if before.get(part) != now.get(part)
    )


def _short(mark: object) -> str:
    return "no fingerprint" if mark is None else f"fingerprint {str(mark)[:16]}"
