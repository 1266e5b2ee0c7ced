"""Subjects: the components that ``si check NAME`` and ``si check dist:NAME`` mean."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from packaging.utils import canonicalize_name

from si_core import PluginError, UsageError, build
from si_core.public.discovery import (
    KINDS,
    Found,
    available,
    catalogue,
    did_you_mean,
    find,
    installed_plugins,
    kind_named,
    load_class,
    validate_options,
)

if TYPE_CHECKING:
    from si_authoring.testing.suite import Suite

__all__ = ["Subject", "component_of", "subjects_of"]


@dataclass(frozen=True)
class Subject:
    """A component to check.

    Args:
        found: the component and its plugin.
        options: its options.
    """

    found: Found
    options: Mapping[str, Any] = field(default_factory=dict)


def subjects_of(name: str, kind: str | None = None, options: Mapping[str, Any] | None = None) -> list[Subject]:
    """The components of a name, or of a distribution.

    Args:
        name: a component's name as in recipes, or ``dist:`` and a distribution's.
        kind: only components of this kind.
        options: of the component; for a name only.

    Raises:
        UsageError: nothing of that name is installed.
        PluginError: its plugin is not ready.
    """
    if kind is not None:
        kind_named(kind)
    if name.startswith("dist:"):
        return [Subject(found) for found in _of_distribution(name.removeprefix("dist:")) if _is(found, kind)]
    kinds = [kind] if kind is not None else [k for k in KINDS if _offers(k, name)]
    if not kinds:
        _refuse_unready(name)
        known = {found.component.name for k in KINDS for found in available(k)}
        listed = {n for entry in catalogue() for names in entry.components.values() for n in names}
        for k in KINDS:
            if any(name in entry.components.get(k, ()) for entry in catalogue()):
                find(k, name)  # says who provides it, or why it can't be used
        raise UsageError(
            f"no installed plugin offers a component {name!r}",
            fix=did_you_mean(name, known | listed)
            or "'si list' shows what is installed; dist:NAME means a plugin, ./PATH a package in a folder",
        )
    return [Subject(find(k, name), options or {}) for k in kinds]


def _refuse_unready(name: str) -> None:
    """Say the state of a plugin that is not ready, where the name is that of a component of it or its own."""
    for plugin in (plugin for plugin in installed_plugins() if not plugin.ready):
        if name in (plugin.name, plugin.distribution):
            _of_distribution(plugin.distribution)
        for component in plugin.components:
            if component.name == name.rpartition("/")[2]:
                find(component.kind, name)


def _is(found: Found, kind: str | None) -> bool:
    return kind is None or found.component.kind == kind


def _offers(kind: str, name: str) -> bool:
    return any(found.component.name == name.rpartition("/")[2] for found in available(kind))


def _of_distribution(name: str) -> list[Found]:
    wanted = str(canonicalize_name(name))
    plugins = [plugin for plugin in installed_plugins() if plugin.distribution == wanted]
    if not plugins:
        installed = {plugin.distribution for plugin in installed_plugins()}
        install = next((entry.install for entry in catalogue() if canonicalize_name(entry.name) == wanted), None)
        raise UsageError(
            f"no plugin {name!r} is installed",
            allowed=", ".join(sorted(installed)) or "none is",
            fix=install or did_you_mean(wanted, installed),
        )
    for plugin in plugins:
        if not plugin.ready:
            raise PluginError(f"{plugin.label} is {plugin.state}: {plugin.cause}", fix=plugin.fix) from plugin.error
    return [Found(component, plugin) for plugin in plugins for component in plugin.components]


def component_of(subject: Subject, suite: Suite) -> Any:
    """The component that a suite takes: built with its options, or the function that makes it."""
    found = subject.found
    kind, name = found.component.kind, f"{found.plugin.distribution}/{found.component.name}"
    if suite.factory:
        cls: Any = load_class(found)
        options = validate_options(cls, subject.options, where=f"{kind} {name!r}", context=KINDS[kind].context)
        return functools.partial(cls, **options)
    return build(kind, name, context=suite.context(), **subject.options)
