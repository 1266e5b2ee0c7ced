"""The plugin's entry: the section ``search`` of recipes, and the command that carries it out."""

from __future__ import annotations

from si_core import Command, Component, Kind, hookimpl

__all__ = ["si_commands", "si_components", "si_kinds"]


@hookimpl
def si_kinds() -> list[Kind]:
    """The kind that owns the section ``search`` of recipes."""
    return [
        Kind(
            "search",
            "si_optuna.space:Search",
            "what a search goes through, and what it is for",
            section="search",
            default="space",
        )
    ]


@hookimpl
def si_components() -> list[Component]:
    """Return the components of this plugin."""
    return [Component("search", "space", "si_optuna.space:Space", "ranges and choices of dotted keys, by Optuna")]


@hookimpl
def si_commands() -> list[Command]:
    """Return the commands of this plugin."""
    return [Command("search", "si_optuna.command:SearchCommand", "look for the best values of a recipe's keys")]
