"""Fault points: named moments of a write at which a test can stop the process.

That a save survives a kill is a property of the order of its steps, and such an order is easily broken by a harmless
looking change. So each writer names its moments, and the tests kill a process at every one of them. In normal use a
fault point is one comparison.
"""

from __future__ import annotations

from collections.abc import Callable

__all__ = ["FAULT_POINTS", "fault_point", "set_fault_hook"]

FAULT_POINTS = (
    "atomic: opened",
    "atomic: written",
    "atomic: synced",
    "atomic: renamed",
    "checkpoint: folder made",
    "checkpoint: file half written",
    "checkpoint: file written",
    "checkpoint: before manifest",
    "checkpoint: manifest written",
    "checkpoint: folder synced",
    "checkpoint: old one set aside",
    "checkpoint: published",
    "checkpoint: done",
    "folder: filled",
    "folder: old one set aside",
    "folder: published",
    "prune: verified",
    "prune: renamed",
    "prune: removed",
)
"""Every name, for tests that go through all of them."""

_hook: Callable[[str], object] | None = None


def set_fault_hook(hook: Callable[[str], object] | None) -> None:
    """Call ``hook(name)`` at every fault point from now on; None ends it. For tests only."""
    global _hook
    _hook = hook


def fault_point(name: str) -> None:
    """Mark the moment ``name`` of a write, one of :data:`FAULT_POINTS`."""
    if _hook is not None:
        _hook(name)
