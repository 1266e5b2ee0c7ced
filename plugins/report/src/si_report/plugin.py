"""The plugin's entry: which components it offers."""

from __future__ import annotations

from si_core import Command, Component, hookimpl

__all__ = ["si_commands", "si_components"]


@hookimpl
def si_components() -> list[Component]:
    """Return the components of this plugin."""
    return [
        Component(
            "report",
            "html",
            "si_report.report:HtmlReport",
            summary="plots and one self-contained page: losses, draws, trajectories, densities, estimates, recipe",
        )
    ]


@hookimpl
def si_commands() -> list[Command]:
    """Return the commands of this plugin."""
    return [Command("compare", "si_report.compare:command", "put runs side by side: recipes, estimates, curves")]
