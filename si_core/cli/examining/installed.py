"""Are Python, the libraries and the plugins what they ask of each other?"""

from __future__ import annotations

import platform
import sys
from collections.abc import Iterator
from importlib import metadata

from packaging.requirements import InvalidRequirement, Requirement

from si_core.cli.examining.finding import Finding
from si_core.cli.tables import one_line
from si_core.cli.version import version_of
from si_core.discovery.available import orphans
from si_core.discovery.compatibility import core_version
from si_core.discovery.plugins import installed_plugins
from si_core.errors import PluginError

__all__ = ["installed", "plugins"]

_SLOW_IMPORT = 2.0
"""Seconds that the light module of a plugin may take."""


def installed() -> Iterator[Finding]:
    """Python and si-core, and whether each distribution has what it requires."""
    yield Finding("installed", "python", "ok", f"{platform.python_version()} at {sys.executable}")
    shown = ", ".join(f"{name} {version_of(name)}" for name in ("torch", "numpy", "pydantic"))
    yield Finding("installed", "si-core", "ok", f"{core_version()}; {shown}")
    names = dict.fromkeys(["si-core", *(plugin.distribution for plugin in installed_plugins())])
    lacking = [(name, requirement) for name in names for requirement in _unmet(name)]
    for name, requirement in lacking:
        there = version_of(requirement.name)
        got = f"{requirement.name} {there}" if there else f"no {requirement.name}"
        text = f"requires {requirement.name}{requirement.specifier}; there is {got}"
        fix = f"pip install '{requirement.name}{requirement.specifier}'"
        yield Finding("installed", name, "wrong", text, fix, PluginError.code)
    if not lacking:
        yield Finding("installed", "requirements", "ok", f"of {len(names)} distributions are met")


def plugins() -> Iterator[Finding]:
    """The state of each plugin; those that are ready together."""
    ready = [plugin for plugin in installed_plugins() if plugin.status == "ready"]
    count = sum(len(plugin.components) for plugin in ready)
    yield Finding("plugins", "ready", "ok", f"{len(ready)} plugins with {count} components")
    for plugin in installed_plugins():
        name = plugin.distribution
        if plugin.status == "clash":
            offered = ", ".join(sorted({f"{clash.kind} {clash.name}" for clash in plugin.clashes}))
            text, fix = f"clash: {offered} is offered by others too", f"write {name}/NAME, or leave one out: si plugins"
            yield Finding("plugins", name, "note", text, fix)
        elif plugin.status == "disabled":
            yield Finding("plugins", name, "note", one_line(plugin.cause or "disabled"), one_line(plugin.fix or ""))
        elif plugin.status != "ready":
            text = f"{plugin.status}: {one_line(plugin.cause or '')}"
            yield Finding("plugins", name, "wrong", text, one_line(plugin.fix or "si plugins"), PluginError.code)
        elif orphans(plugin):
            kinds = ", ".join(sorted({component.kind for component in orphans(plugin)}))
            text, fix = f"nobody offers its kind {kinds}", "install the plugin that does: si plugins --available"
            yield Finding("plugins", name, "note", text, fix)
        if plugin.seconds > _SLOW_IMPORT:
            text = f"its import takes {plugin.seconds:.1f} s in every command"
            fix = f"report it to its authors; SI_PLUGINS=-{name} leaves it out"
            yield Finding("plugins", name, "slow", text, fix)


def _unmet(distribution: str) -> Iterator[Requirement]:
    """What a distribution requires here and does not have."""
    try:
        texts = metadata.requires(distribution) or []
    except metadata.PackageNotFoundError:
        return
    for text in texts:
        try:
            requirement = Requirement(text)
        except InvalidRequirement:
            continue  # the installer has refused what matters of it
        if requirement.marker is not None and not requirement.marker.evaluate({"extra": ""}):
            continue
        there = version_of(requirement.name)
        if there is None or not requirement.specifier.contains(there, prereleases=True):
            yield requirement
