"""Whose code failed: an error that a plugin raises in the middle of a run is the plugin's, and says so."""

from __future__ import annotations

import logging
import signal
import traceback
from collections.abc import Iterator
from contextlib import contextmanager

from si_core.discovery.guard import cause_of
from si_core.discovery.host_state import host_state_restored
from si_core.discovery.plugin import Plugin
from si_core.discovery.plugins import packages_of_plugins
from si_core.errors import NumericsError, PluginError, SIError

__all__ = ["attributed", "culprit"]

_log = logging.getLogger(__name__)


@contextmanager
def attributed(*passing: type[Exception]) -> Iterator[None]:
    """Turn what the code of a plugin raises into an error that names the plugin.

    Errors meant for users and signals pass as they are; so do errors of the core, which are ours to mend.

    Args:
        passing: further errors that pass as they are.

    Raises:
        PluginError: a plugin's component raised something else, ``KeyboardInterrupt`` without a signal among it, or
            called ``sys.exit``.
        NumericsError: one asked for more memory than there is.
    """
    changed: list[str] = []
    allowed: tuple[type[Exception], ...] = (SIError, *passing)
    try:
        with host_state_restored() as changed:
            yield
    except allowed:
        raise
    except MemoryError as error:
        plugin = culprit(error)
        if plugin is None:
            raise
        raise NumericsError(
            f"out of memory in a component: {cause_of(error)}",
            where=plugin.label,
            fix="change its options, or a machine with more memory",
        ) from error
    except (Exception, SystemExit, KeyboardInterrupt) as error:
        plugin = culprit(error)
        if isinstance(error, KeyboardInterrupt) and _by_a_signal():
            raise
        if plugin is None and not isinstance(error, SystemExit):
            raise
        raise PluginError(
            f"a component failed: {cause_of(error)}",
            where="a run" if plugin is None else plugin.label,
            fix=None if plugin is None else f"change its options, or report it to the authors of {plugin.distribution}",
        ) from error
    finally:
        if changed:  # also where another component has stumbled over it
            _log.warning("a component changed %s while it worked; that is put back", ", ".join(changed))


def _by_a_signal() -> bool:
    """Whether Python itself may have raised a KeyboardInterrupt within the code of a plugin, as it does by default.

    Elsewhere handlers of ours raise it, and one that was raised in a plugin is the plugin's.
    """
    return signal.getsignal(signal.SIGINT) is signal.default_int_handler


def culprit(error: BaseException) -> Plugin | None:
    """The plugin whose code was running when the error was raised, if it was not the core's own."""
    packages = packages_of_plugins()
    for frame, _ in reversed(list(traceback.walk_tb(error.__traceback__))):
        package = str(frame.f_globals.get("__name__", "")).partition(".")[0]
        if package in packages:
            return packages[package]
        if package == "si_core":
            return None
    return None
