"""A key of recipes that no installed plugin owns, and that a known one would."""

from __future__ import annotations

from packaging.utils import canonicalize_name

from si_core.discovery.catalogue import catalogue
from si_core.discovery.plugins import installed_plugins

__all__ = ["owner_wanted"]


def owner_wanted(section: str) -> str | None:
    """What to do so that a recipe may have this section; None where no plugin is known to own it."""
    listed = {str(canonicalize_name(entry.name)): entry for entry in catalogue() if section in entry.sections}
    for plugin in installed_plugins():
        owns = plugin.distribution in listed or any(kind.section == section for kind in plugin.kinds)
        if owns and not plugin.ready:
            return f"it belongs to {plugin.label}, which is {plugin.state}: {plugin.fix}"
    for entry in listed.values():
        return f"it belongs to {entry.name}: run {entry.install!r}, then try again"
    return None
