"""Names that are taken: by installed plugins, and by those of the catalogue."""

from __future__ import annotations

from si_authoring.scaffold.names import Names
from si_core import UsageError
from si_core.public.discovery import catalogue, installed_plugins

__all__ = ["refuse_taken", "rivals"]


def refuse_taken(names: Names) -> None:
    """Refuse a distribution that exists: pip would install one in place of the other.

    Raises:
        UsageError: it is installed, in the catalogue, or the core itself.
    """
    holders = {"si-core": "this library", **{entry.name: "in the catalogue" for entry in catalogue()}}
    holders.update({plugin.distribution: "installed" for plugin in installed_plugins()})
    if names.distribution in holders:
        raise UsageError(
            "there is a distribution of this name",
            got=f"{names.distribution}, {holders[names.distribution]}",
            fix=f"another name, such as si-my-{names.topic}",
        )


def rivals(names: Names) -> list[str]:
    """The other distributions that offer a component of this kind and name, sorted."""
    found = {
        plugin.distribution
        for plugin in installed_plugins()
        for component in plugin.components
        if (component.kind, component.name) == (names.kind, names.component)
    }
    found.update(entry.name for entry in catalogue() if names.component in entry.components.get(names.kind, ()))
    return sorted(found - {names.distribution})
