"""The components that can be used now: those of the plugins that are ready."""

from __future__ import annotations

from dataclasses import dataclass

from si_core.discovery.component import Component
from si_core.discovery.kinds import KINDS, Kind
from si_core.discovery.plugins import Plugin, installed_plugins
from si_core.discovery.suggest import did_you_mean
from si_core.errors import UsageError

__all__ = ["Found", "available", "kind_named"]


@dataclass(frozen=True)
class Found:
    """A component and the plugin that offers it."""

    component: Component
    plugin: Plugin

    @property
    def label(self) -> str:
        """The component in an error: ``interpolant 'cubic' of si-cubic 1.0``."""
        return f"{self.component.kind} {self.component.name!r} of {self.plugin.label}"

    @property
    def qualified(self) -> str:
        """Its name with the owner's, which no further plugin can make ambiguous: ``si-cubic/cubic``."""
        return f"{self.plugin.distribution}/{self.component.name}"


def kind_named(kind: str) -> Kind:
    """Return the kind of that name.

    Raises:
        UsageError: there is none.
    """
    if kind not in KINDS:
        raise UsageError(f"unknown kind of component {kind!r}", allowed=", ".join(KINDS), fix=did_you_mean(kind, KINDS))
    return KINDS[kind]


def available(kind: str) -> list[Found]:
    """Return the components of a kind that ready plugins offer, sorted by name and distribution.

    Raises:
        UsageError: unknown kind.
    """
    kind_named(kind)
    found = [
        Found(component, plugin)
        for plugin in installed_plugins()
        if plugin.ready
        for component in plugin.components
        if component.kind == kind
    ]
    return sorted(found, key=lambda item: (item.component.name, item.plugin.distribution))
