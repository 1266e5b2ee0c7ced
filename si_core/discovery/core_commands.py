"""The core's own commands, in the order of ``si --help``: entries of the form that plugins' commands have."""

from __future__ import annotations

from si_core.discovery.command import Command

__all__ = ["CORE_COMMANDS"]

CORE_COMMANDS: dict[str, Command] = {
    command.name: command
    for command in (
        Command("list", "si_core.cli:list", "list the components that recipes can use"),
        Command("show", "si_core.cli:show", "show one component: what it is, and its options"),
        Command("recipes", "si_core.cli:recipes", "list the built-in recipes, or show the text of one"),
        Command("plugins", "si_core.cli:plugins", "list the installed plugins and what is wrong with them"),
        Command("run", "si_core.cli:run", "train, sample, estimate and report as a recipe says"),
        Command("sample", "si_core.cli:sample", "draw samples from a trained model"),
        Command("estimate", "si_core.cli:estimate", "measure a number on a trained model"),
        Command("report", "si_core.cli:report", "write plots and a page about a run"),
        Command("export", "si_core.cli:export", "write a trained model for elsewhere"),
        Command("validate", "si_core.cli:validate", "check a recipe without running it"),
        Command("doctor", "si_core.cli:doctor", "look for what is wrong with this machine or slows it down"),
        Command("completion", "si_core.cli:completion", "print a script by which a shell completes commands and keys"),
        Command("schema", "si_core.cli:schema", "print the JSON schema of recipes, for editors"),
    )
}
"""Command by name. A plugin can't take the place of one."""
