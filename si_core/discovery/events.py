"""Events of a run (:class:`si_core.contract.event.Event`), passed to the plugins that listen.

A logger must never stop a run, nor change it: what it raises is reported once and it hears nothing more in this
process, what it changes of the process is put back and told once, and each has a copy of the event for itself.
"""

from __future__ import annotations

import copy
import logging
import traceback
import weakref
from typing import Any

import pluggy

from si_core.discovery.guard import cause_of
from si_core.discovery.host_state import host_state_restored
from si_core.discovery.plugin import Plugin
from si_core.discovery.plugins import installed_plugins
from si_core.discovery.redaction import redacted

__all__ = ["emit"]

_log = logging.getLogger(__name__)
_silenced: weakref.WeakSet[pluggy.PluginManager] = weakref.WeakSet()
_warned: weakref.WeakSet[pluggy.PluginManager] = weakref.WeakSet()


def emit(event: Any) -> None:
    """Pass an event to the hook ``si_event`` of every ready plugin that has one."""
    for plugin in installed_plugins():
        if plugin.listens and plugin.hooks is not None and plugin.hooks not in _silenced:
            _pass_on(event, plugin, plugin.hooks)


def _pass_on(event: Any, plugin: Plugin, hooks: pluggy.PluginManager) -> None:
    changed: list[str] = []
    try:
        with host_state_restored() as changed:
            hooks.hook.si_event(event=copy.deepcopy(event))
    except (Exception, SystemExit) as error:
        _silenced.add(hooks)
        _log.warning(
            "the logger %r of %s failed and is switched off; the run goes on: %s",
            plugin.name,
            plugin.label,
            redacted(cause_of(error)),
        )
        text = "".join(traceback.format_exception(error))
        _log.debug("traceback of the logger %r:\n%s", plugin.name, redacted(text))
    if changed and hooks not in _warned:
        _warned.add(hooks)
        _log.warning("the logger %r of %s changed %s; that is put back", plugin.name, plugin.label, ", ".join(changed))
