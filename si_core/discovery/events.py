"""Events of a run (:class:`si_core.contract.event.Event`), passed to those who listen: plugins, and parts of the run.

A logger must never stop a run, nor change it: what it raises is reported once and it hears nothing more in this
process, what it changes of the process is put back and told once, and each has a copy of the event for itself.
"""

from __future__ import annotations

import copy
import logging
import traceback
import weakref
from collections.abc import Callable
from typing import Any

import pluggy

from si_core.discovery.guard import cause_of
from si_core.discovery.host_state import host_state_restored
from si_core.discovery.plugin import Plugin
from si_core.discovery.plugins import installed_plugins
from si_core.discovery.redaction import redacted

__all__ = ["Listener", "emit"]

_log = logging.getLogger(__name__)


class Listener:
    """One who hears events, until it fails.

    Args:
        hear: takes a copy of an event.
        name: the listener in warnings, such as ``logger 'tensorboard' of si-tensorboard 0.2.0``.
    """

    def __init__(self, hear: Callable[[Any], object], name: str) -> None:
        self._hear, self._name = hear, name
        self._silenced = self._warned = False

    def tell(self, event: Any) -> None:
        """Pass a copy of an event on; what it raises is said once, and it hears nothing more."""
        if self._silenced:
            return
        changed: list[str] = []
        try:
            with host_state_restored() as changed:
                self._hear(copy.deepcopy(event))
        except (Exception, SystemExit) as error:
            self._silenced = True
            said = redacted(cause_of(error))
            _log.warning("the %s failed and is switched off; the run goes on: %s", self._name, said)
            text = "".join(traceback.format_exception(error))
            _log.debug("traceback of the %s:\n%s", self._name, redacted(text))
        if changed and not self._warned:
            self._warned = True
            _log.warning("the %s changed %s; that is put back", self._name, ", ".join(changed))


_listening: weakref.WeakKeyDictionary[pluggy.PluginManager, Listener] = weakref.WeakKeyDictionary()


def emit(event: Any) -> None:
    """Pass an event to the hook ``si_event`` of every ready plugin that has one."""
    for plugin in installed_plugins():
        if plugin.listens and plugin.hooks is not None:
            if plugin.hooks not in _listening:
                _listening[plugin.hooks] = _of_plugin(plugin, plugin.hooks)
            _listening[plugin.hooks].tell(event)


def _of_plugin(plugin: Plugin, hooks: pluggy.PluginManager) -> Listener:
    # Held weakly, for the listener is kept by what it calls.
    hook = weakref.ref(hooks)

    def hear(event: Any) -> None:
        held = hook()
        if held is not None:
            held.hook.si_event(event=event)

    return Listener(hear, f"logger {plugin.name!r} of {plugin.label}")
