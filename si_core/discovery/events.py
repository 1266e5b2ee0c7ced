"""Events of a run (started, step, checkpoint, finished), passed to the plugins that listen.

A logger must never stop a run: what it raises is reported once, and it hears nothing more in this process.
"""

from __future__ import annotations

import logging
import weakref
from typing import Any

import pluggy

from si_core.discovery.guard import cause_of
from si_core.discovery.plugins import Plugin, installed_plugins

__all__ = ["emit"]

_log = logging.getLogger(__name__)
_silenced: weakref.WeakSet[pluggy.PluginManager] = weakref.WeakSet()


def emit(event: Any) -> None:
    """Pass an event to the hook ``si_event`` of every ready plugin that has one."""
    for plugin in installed_plugins():
        if plugin.listens and plugin.hooks is not None and plugin.hooks not in _silenced:
            _pass_on(event, plugin, plugin.hooks)


def _pass_on(event: Any, plugin: Plugin, hooks: pluggy.PluginManager) -> None:
    try:
        hooks.hook.si_event(event=event)
    except (Exception, SystemExit) as error:
        _silenced.add(hooks)
        _log.warning(
            "the logger %r of %s failed and is switched off; the run goes on: %s",
            plugin.name,
            plugin.label,
            cause_of(error),
        )
        _log.debug("traceback of the logger %r", plugin.name, exc_info=error)
