"""Fingerprints of the data of a process, kept beside what was trained on them: other data is another run."""

from __future__ import annotations

from collections.abc import Mapping

from si_core.process.process import StochasticInterpolant

__all__ = ["data_changes", "fingerprints"]


def fingerprints(process: StochasticInterpolant) -> dict[str, str]:
    """What a data set calls its ``fingerprint``, by the end it stands at; a law without one can't change."""
    ends = {"target": process.target}
    if process.source is not process.target:
        ends = {"source": process.source, **ends}
    found = {end: getattr(law, "fingerprint", None) for end, law in ends.items()}
    return {end: mark for end, mark in found.items() if isinstance(mark, str)}


def data_changes(before: Mapping[str, object], now: Mapping[str, str]) -> str:
    """What changed between two sets of fingerprints, in words; empty where nothing did."""
    return "; ".join(
        f"{end}: {_short(before.get(end))} when it was trained, {_short(now.get(end))} now"
        for end in ("source", "target")
        if before.get(end) != now.get(end)
    )


def _short(mark: object) -> str:
    return "no fingerprint" if mark is None else f"fingerprint {str(mark)[:16]}"
