"""The components that can be used now: those of the plugins that are ready."""

from __future__ import annotations

from dataclasses import dataclass

from si_core.discovery.catalogue import catalogue
from si_core.discovery.component import Component
from si_core.discovery.kind import Kind
from si_core.discovery.kinds import KINDS
from si_core.discovery.plugin import Plugin
from si_core.discovery.plugins import installed_plugins
from si_core.discovery.suggest import did_you_mean
from si_core.errors import PluginError, SIError, UsageError

__all__ = ["Found", "available", "kind_named", "orphans"]


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
        PluginError: the plugin that offers it is not ready, or several offer it.
    """
    found = KINDS.get(kind)
    if found is None:
        raise _no_kind(kind)
    return found


def _no_kind(kind: str) -> SIError:
    """Why there is no such kind, in words that say what to do."""
    plugins = installed_plugins()
    owners = [plugin for plugin in plugins if any(offered.name == kind for offered in plugin.kinds)]
    for plugin in owners:
        if not plugin.ready:
            why = f"which is {plugin.state}: {plugin.cause}"
            error = PluginError(f"the kind {kind!r} is offered by {plugin.label}, {why}", fix=plugin.fix)
            error.__cause__ = plugin.error
            return error
    if owners:
        mine = owners[0].distribution
        clash = next(clash for clash in owners[0].clashes if clash.kind in ("kind", "section"))
        return PluginError(
            f"the {clash.kind} {clash.name!r} is offered by {' and '.join(sorted({mine, *clash.others}))}",
            fix=f"leave one out: SI_PLUGINS=-{mine}, or pip uninstall {mine}",
        )
    users = sorted({plugin.distribution for plugin in plugins if any(item.kind == kind for item in orphans(plugin))})
    listed = [entry.install for entry in catalogue() if kind in entry.components]
    missing = "install the plugin that offers this kind" if users else None
    return UsageError(
        f"unknown kind of component {kind!r}",
        got=f"components of it, from {' and '.join(users)}" if users else None,
        allowed=", ".join(KINDS),
        fix=f"run {listed[0]!r}, then try again" if listed else missing or did_you_mean(kind, KINDS),
    )


def orphans(plugin: Plugin) -> tuple[Component, ...]:
    """The components of a ready plugin that can't be used: nobody offers their kind."""
    return tuple(item for item in plugin.components if item.kind not in KINDS) if plugin.ready else ()


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
