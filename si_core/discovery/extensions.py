"""Extensions: modules of plugins that add methods to the core's open generic functions."""

from __future__ import annotations

import importlib
import logging

from si_core.discovery.guard import cause_of
from si_core.discovery.plugins import installed_plugins

__all__ = ["import_extensions"]

_log = logging.getLogger(__name__)


def import_extensions() -> None:
    """Import the modules named by the hook ``si_extensions`` of every ready plugin; one that fails is reported."""
    for plugin in installed_plugins():
        if not plugin.ready or plugin.hooks is None:
            continue
        try:
            for modules in plugin.hooks.hook.si_extensions():
                for module in modules:
                    importlib.import_module(module)
        except (Exception, SystemExit) as error:
            _log.warning("the extensions of %s are left out: %s", plugin.label, cause_of(error), exc_info=error)
