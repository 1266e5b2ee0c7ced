"""The plugin's entry: a kind that the core never heard of, a component of it, and a command."""

from __future__ import annotations

from si_core import Command, Component, Kind, hookimpl

__all__ = ["si_commands", "si_components", "si_kinds"]


@hookimpl
def si_kinds() -> list[Kind]:
    """Return the kinds of this plugin."""
    return [
        Kind(
            "moderator",
            "si_calm.moderator:Moderator",
            "what keeps a run calm",
            context=("process",),
            section="moderators",
            many=True,
            default="gentle",
            conformance="si_calm.checks:ModeratorChecks",
        )
    ]


@hookimpl
def si_components() -> list[Component]:
    """Return the components of this plugin."""
    return [Component("moderator", "gentle", "si_calm.moderator:Gentle", "ends training when the loss is enough")]


@hookimpl
def si_commands() -> list[Command]:
    """Return the commands of this plugin."""
    return [Command("calm", "si_calm.command:Calm", "say at which step a run was calm")]
