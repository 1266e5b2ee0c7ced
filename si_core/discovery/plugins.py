"""The installed plugins and their states.

A plugin is in one of five states, and each is ordinary: *ready*; *broken* (its import or a hook fails);
*incompatible* (it was written for another si-core; it is then not imported); *clash* (ready, but another distribution
or the core offers a component of the same kind and name, a command of the same name, or a kind of the same name or
section); *disabled* by the environment variable ``SI_PLUGINS``. Plugins never see each other: the order of installation
has no effect, and a broken one stops none of the others.
"""

from __future__ import annotations

import importlib
import os
import threading
from collections import defaultdict
from dataclasses import replace

from packaging.utils import canonicalize_name

from si_core.discovery.compatibility import core_version, unbounded, unfit
from si_core.discovery.core_commands import CORE_COMMANDS
from si_core.discovery.entries import Entry, plugin_entries
from si_core.discovery.guard import LIMIT_VARIABLE, cause_of, contained, remedy
from si_core.discovery.kind_clashes import rivals
from si_core.discovery.loading import Offer, load_into
from si_core.discovery.plugin import Clash, Plugin
from si_core.errors import PluginError, UsageError, name_owners

__all__ = ["FILTER_VARIABLE", "allowed_names", "installed_plugins", "packages_of_plugins", "reset"]

FILTER_VARIABLE = "SI_PLUGINS"
"""Environment variable: unset, all plugins; empty, none; otherwise a list of entry or distribution names, or of names
that begin with ``-`` for all but those."""

_IMPORT_LIMIT = 30.0
"""Seconds for the import of a plugin's light module; one that imports torch needs ten on a slow disk."""


_lock = threading.RLock()
_known: dict[str | None, tuple[Plugin, ...]] = {}
_discovering = False


def installed_plugins() -> tuple[Plugin, ...]:
    """Return all installed plugins, whatever their state, sorted by distribution and name.

    The first call imports them; the answer is kept for the process and the value of ``SI_PLUGINS``.

    Raises:
        PluginError: called by a plugin while it is being imported.
    """
    global _discovering
    setting = os.environ.get(FILTER_VARIABLE)
    with _lock:
        if setting not in _known:
            if _discovering:
                raise PluginError(
                    "a plugin looks up components while it is being imported",
                    fix="move the look-up into the class or function that needs it",
                )
            _discovering = True
            try:
                _known[setting] = _with_clashes([_examine(entry) for entry in plugin_entries()])
            finally:
                _discovering = False
        return _known[setting]


def reset() -> None:
    """Forget what is installed, for tests and for programs that install plugins while they run."""
    with _lock:
        _known.clear()
        importlib.invalidate_caches()  # importlib.metadata remembers folders as well


def allowed_names() -> frozenset[str] | None:
    """Return the canonical names that ``SI_PLUGINS`` allows, None if all are allowed but those it excludes."""
    names = _filter_names()
    if names is None or (names and all(name.startswith("-") for name in names)):
        return None
    return frozenset(str(canonicalize_name(name)) for name in names if not name.startswith("-"))


def excluded_names() -> frozenset[str]:
    """Return the canonical names that ``SI_PLUGINS`` excludes, each written with ``-`` before it."""
    names = _filter_names() or []
    return frozenset(str(canonicalize_name(name.removeprefix("-"))) for name in names if name.startswith("-"))


def _filter_names() -> list[str] | None:
    setting = os.environ.get(FILTER_VARIABLE)
    return None if setting is None else [name.strip() for name in setting.split(",") if name.strip()]


def _examine(entry: Entry) -> Plugin:
    plugin = Plugin(entry.name, entry.distribution, entry.version, "ready")
    own = {entry.distribution, str(canonicalize_name(entry.name))}
    allowed = allowed_names()
    if own & excluded_names() or (allowed is not None and not allowed & own):
        return replace(
            plugin,
            state="disabled",
            cause=f"switched off by {FILTER_VARIABLE}={os.environ.get(FILTER_VARIABLE, '')!r} (or --no-plugins)",
            fix=f"unset {FILTER_VARIABLE}, or change it so that it admits {entry.name!r}",
        )
    if entry.point is None:
        return replace(
            plugin, state="broken", cause=entry.cause, fix=f"pip install --force-reinstall {entry.distribution}"
        )
    misfit = unfit(entry.distribution, entry.requires, core_version())
    if misfit is not None:
        return replace(plugin, state="incompatible", cause=misfit[0], fix=misfit[1])
    return _loaded(replace(plugin, remark=unbounded(entry.requires, core_version())), entry)


def _loaded(plugin: Plugin, entry: Entry) -> Plugin:
    offer, point = Offer(), entry.point
    if point is None:
        return plugin
    label = f"plugin {plugin.name!r} of {plugin.label} was being imported"
    outcome = contained(lambda: load_into(offer, point), label, _import_limit())
    plugin = replace(plugin, components=offer.components, kinds=offer.kinds, commands=offer.commands)
    plugin = replace(plugin, seconds=outcome.seconds, printed=outcome.printed)
    if outcome.error is not None:
        return replace(
            plugin,
            state="broken",
            cause=cause_of(outcome.error),
            fix=remedy(outcome.error, plugin.distribution),
            error=outcome.error,
        )
    return replace(plugin, recipes=offer.recipes, listens=offer.listens, hooks=offer.hooks)


def _import_limit() -> float:
    setting = os.environ.get(LIMIT_VARIABLE, "")
    try:
        seconds = float(setting) if setting else _IMPORT_LIMIT
    except ValueError:
        seconds = 0.0
    if not 0 < seconds < float("inf"):
        raise UsageError("no time limit", where=LIMIT_VARIABLE, got=repr(setting), allowed="seconds > 0, such as 30")
    return seconds


def _with_clashes(plugins: list[Plugin]) -> tuple[Plugin, ...]:
    """Mark what more than one ready plugin offers, or the core as well (the same target twice is no clash)."""
    offers: defaultdict[tuple[str, str], set[tuple[str, str]]] = defaultdict(set)
    for command in CORE_COMMANDS.values():
        offers["command", command.name].add(("si-core", command.target))
    kinds = [(plugin.distribution, kind) for plugin in plugins if plugin.ready for kind in plugin.kinds]
    for plugin in plugins:
        for kind, name, target in _offered(plugin):
            offers[kind, name].add((plugin.distribution, target))
    marked = []
    for plugin in plugins:
        clashes = []
        for added in plugin.kinds if plugin.ready else ():
            rival = rivals(added, plugin.distribution, kinds)
            if rival is not None:
                clashes.append(Clash(*rival))
        for kind, name, target in _offered(plugin):
            others = {owner for owner, _ in offers[kind, name] - {(plugin.distribution, target)}}
            if others:
                clashes.append(Clash(kind, name, tuple(sorted(others))))
        marked.append(replace(plugin, clashes=tuple(clashes)))
    return tuple(marked)


def _offered(plugin: Plugin) -> list[tuple[str, str, str]]:
    """Kind, name and target of all that a ready plugin offers."""
    if not plugin.ready:
        return []
    components = [(component.kind, component.name, component.target) for component in plugin.components]
    return components + [("command", command.name, command.target) for command in plugin.commands]


def packages_of_plugins() -> dict[str, Plugin]:
    """The plugins by the packages that what they offer is in."""
    return {
        target.partition(":")[0].partition(".")[0]: plugin
        for plugin in installed_plugins()
        for target in plugin.targets
    }


def _label_of(component: object) -> str | None:
    """The plugin that a component is of, or its class or function."""
    module = component.__module__ if hasattr(component, "__module__") else type(component).__module__
    plugin = packages_of_plugins().get(module.partition(".")[0])
    return None if plugin is None else plugin.label


name_owners(_label_of)
