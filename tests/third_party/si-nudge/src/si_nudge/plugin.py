"""The plugin's entry: a guidance."""

from __future__ import annotations

from si_core import Component, hookimpl

__all__ = ["si_components"]


@hookimpl
def si_components() -> list[Component]:
    """Return the components of this plugin."""
    return [Component("guidance", "nudge", "si_nudge.nudge:Nudge", "b + strength (point - x)")]
