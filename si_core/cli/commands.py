"""The table of commands. A command is a module ``si_core.cli.<name>`` with two functions.

``add(subparsers)`` adds its parser (named as in the table) and ``run(arguments)`` carries it out and returns the exit
code. Only the module of the chosen command is imported, so that ``si list`` never pays for torch.
A command's positional ``overrides`` (``KEY=VALUE``, ``nargs="*"``) may stand before and after its options.
"""

from __future__ import annotations

import argparse
import importlib
from typing import Any, Protocol, cast

__all__ = ["COMMANDS", "Command", "module_of"]

COMMANDS: dict[str, str] = {
    "list": "list the components that recipes can use",
    "show": "show one component: what it is, and its options",
    "recipes": "list the built-in recipes",
    "plugins": "list the installed plugins and what is wrong with them",
    "run": "train, sample, estimate and report as a recipe says",
    "sweep": "run a recipe for each combination of values, with a table",
    "sample": "draw samples from a trained model",
    "estimate": "measure a number on a trained model",
    "report": "write plots and a page about a run",
    "validate": "check a recipe without running it",
    "new": "start a plugin of your own",
    "check": "check that components are what their interfaces say",
    "registry": "check the catalogue of plugins, or write this tree's entries",
    "schema": "print the JSON schema of recipes, for editors",
}
"""Name and summary of every command, in the order of ``si --help``."""


_HOMES = {
    "check": "si_authoring.commands.check",
    "new": "si_authoring.commands.new",
    "registry": "si_authoring.commands.registry",
    "sweep": "si_sweeps.command",
}


class Command(Protocol):
    """The module of a command."""

    def add(self, subparsers: argparse._SubParsersAction[Any]) -> None:
        """Add the command's parser."""

    def run(self, arguments: argparse.Namespace) -> int:
        """Carry the command out and return the exit code."""


def module_of(name: str) -> Command:
    """Import the module of a command of the table."""
    return cast(Command, importlib.import_module(_HOMES.get(name, f"si_core.cli.{name}")))
