"""The hooks a plugin may implement: the whole contract between the core and its plugins.

A plugin is a module named by an entry point of the group ``si_core.plugins``. It is imported to list what is
installed, so it must stay light: no torch, no data, no side effects.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pluggy

if TYPE_CHECKING:
    from si_core.discovery.command import Command
    from si_core.discovery.component import Component
    from si_core.discovery.kind import Kind

__all__ = ["ENTRY_POINT_GROUP", "Specification", "hookimpl", "hookspec"]

ENTRY_POINT_GROUP = "si_core.plugins"

hookspec = pluggy.HookspecMarker("si_core")
hookimpl = pluggy.HookimplMarker("si_core")


class Specification:
    """The hook specification."""

    @hookspec
    def si_components(self) -> list[Component]:  # type: ignore[empty-body]
        """Return the components of this plugin, each a :class:`~si_core.discovery.component.Component`."""

    @hookspec
    def si_kinds(self) -> list[Kind]:  # type: ignore[empty-body]
        """Return kinds of component that this plugin adds, each a :class:`~si_core.discovery.kind.Kind`.

        They stand in the same table as the core's own; components of them may come from any plugin.
        """

    @hookspec
    def si_commands(self) -> list[Command]:  # type: ignore[empty-body]
        """Return commands of ``si``, each a :class:`~si_core.discovery.command.Command`.

        The object of a command is imported when it is chosen. What it raises that is not meant for users is reported
        as this plugin's.
        """

    @hookspec
    def si_recipes(self) -> str | os.PathLike[str]:  # type: ignore[empty-body]
        """Return a folder of YAML recipes; each file ``name.yaml`` can then be run as ``si run name``."""

    @hookspec
    def si_extensions(self) -> list[str]:  # type: ignore[empty-body]
        """Return names of modules that add methods to open generic functions such as ``exact_fields``.

        They are imported before such a function is first called, never before.
        """

    @hookspec
    def si_event(self, event: Any) -> None:
        """Receive an event of a run (started, step, checkpoint, finished, interrupted, failed); for loggers.

        ``event`` has ``name``, ``directory``, ``step`` and ``values``, as :class:`si_core.contract.event.Event` says.
        An exception raised here is reported once and switches this plugin's hook off; the run goes on.
        """
