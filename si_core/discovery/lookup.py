"""Looking up a component by kind and name, and importing its class.

A look-up has five outcomes, each with its own words: *found*; *known but not installed*; offered by a plugin that is
*not ready*; in a *clash* of several distributions; *unknown*. ``dist/name`` picks the component of one distribution
and so settles a clash; so does a scope (:mod:`si_core.discovery.owners`). The words of the failures stand in
:mod:`si_core.discovery.failures`.
"""

from __future__ import annotations

import importlib
import inspect
import logging
import sys
from typing import Any

from packaging.utils import canonicalize_name

from si_core.discovery.available import Found, available, kind_named
from si_core.discovery.failures import clash, not_installed, unknown, unready
from si_core.discovery.guard import cause_of, contained, remedy
from si_core.discovery.kinds import KINDS
from si_core.discovery.owners import Scope
from si_core.discovery.plugins import installed_plugins
from si_core.errors import PluginError

__all__ = ["Found", "available", "find", "interface_of", "kind_named", "load", "load_class"]

_log = logging.getLogger(__name__)


def find(kind: str, name: str, scope: Scope = ()) -> Found:
    """Return the component of that kind and name.

    Args:
        kind: one of :data:`~si_core.discovery.kinds.KINDS`.
        name: its name, or ``"dist/name"``.
        scope: whose component a bare name means, if several offer it.

    Raises:
        UsageError: unknown, or known but not installed.
        PluginError: offered only by a plugin that is not ready, or by several distributions; or one that the scope
            prefers is broken or incompatible, as another's component is not what was meant.
    """
    distribution, _, plain = name.rpartition("/")
    distribution = str(canonicalize_name(distribution)) if distribution else ""
    candidates = [
        item
        for item in available(kind)
        if item.component.name == plain and distribution in ("", item.plugin.distribution)
    ]
    if not distribution:
        candidates = _preferred(kind, plain, candidates, scope)
    targets = {(item.plugin.distribution, item.component.target) for item in candidates}
    if len(targets) == 1:
        return candidates[0]
    if candidates:
        raise clash(kind, plain, candidates)
    raise unready(kind, plain, distribution) or not_installed(kind, plain, distribution) or unknown(kind, name)


def _preferred(kind: str, name: str, candidates: list[Found], scope: Scope) -> list[Found]:
    """Those of the first tier in which somebody offers the name; all where none does."""
    for tier in scope:
        found = [item for item in candidates if item.plugin.distribution in tier]
        if found:
            return found
        for plugin in installed_plugins():
            failed = plugin.distribution in tier and plugin.state in ("broken", "incompatible")
            error = unready(kind, name, plugin.distribution) if failed else None
            if error is not None:
                raise error
    return candidates


def load(kind: str, name: str) -> type[Any]:
    """Return the class of the component of that kind and name.

    Raises:
        UsageError: as :func:`find`.
        PluginError: as :func:`find` and :func:`load_class`.
    """
    return load_class(find(kind, name))


def load_class(found: Found) -> type[Any]:
    """Import the class of a component and check that it is one of its kind.

    Raises:
        PluginError: the import fails; the target is no class, is abstract, or doesn't implement the interface.
    """
    target, where = found.component.target, found.label
    module, _, attribute = target.partition(":")
    imported = _imported(module, attribute)
    if imported is not None:
        return _checked(imported, found)
    outcome = contained(lambda: getattr(importlib.import_module(module), attribute), f"{where} was being imported")
    if outcome.printed:
        _log.warning("%s printed while it was imported: %s", where, outcome.printed)
    if outcome.error is not None:
        raise PluginError(
            f"can't be imported: {cause_of(outcome.error)}",
            where=where,
            fix=remedy(outcome.error, found.plugin.distribution),
        ) from outcome.error
    return _checked(outcome.value, found)


def _imported(module: str, attribute: str) -> Any | None:
    """What a module has by that name without a line of the plugin's code being run; None where one has to be."""
    loaded = sys.modules.get(module)
    busy = getattr(getattr(loaded, "__spec__", None), "_initializing", False)  # by another thread, to be waited for
    return None if busy else getattr(loaded, "__dict__", {}).get(attribute)


def interface_of(kind: str) -> type[Any]:
    """The class that components of a kind implement.

    Raises:
        UsageError, PluginError: as :func:`kind_named`.
    """
    module, _, attribute = kind_named(kind).interface.partition(":")
    interface: type[Any] = getattr(importlib.import_module(module), attribute)
    return interface


def _checked(value: Any, found: Found) -> type[Any]:
    """Return ``value`` if it is a complete class of its kind."""
    target, fix = found.component.target, f"report it to the authors of {found.plugin.distribution}"
    if not inspect.isclass(value):
        raise PluginError(
            "its target is no class", where=found.label, got=f"{target}, a {type(value).__name__}", fix=fix
        )
    interface = interface_of(found.component.kind)
    if not issubclass(value, interface):
        raise PluginError(
            f"its class is no {interface.__name__}",
            where=found.label,
            got=target,
            allowed=f"a subclass of {KINDS[found.component.kind].interface.replace(':', '.')}",
            fix=fix,
        )
    if inspect.isabstract(value):
        missing = ", ".join(sorted(getattr(value, "__abstractmethods__", ())))
        raise PluginError(f"its class lacks {missing}", where=found.label, got=target, fix=fix)
    return value
