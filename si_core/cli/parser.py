"""The argument parser of all commands: argparse with our form of error and the global options."""

from __future__ import annotations

import argparse
from typing import Any, NoReturn

from si_core.cli.folding import HelpFormatter
from si_core.cli.verbosity import add_verbosity
from si_core.errors import UsageError

__all__ = ["Parser", "add_global_options", "add_own_options", "metavar"]


class Parser(argparse.ArgumentParser):
    """A parser that raises :class:`~si_core.errors.UsageError` instead of leaving the process.

    Abbreviated options are refused: a script that uses one breaks when a second option begins alike.
    """

    def __init__(self, *args: Any, **settings: Any) -> None:
        super().__init__(*args, **{"allow_abbrev": False, "formatter_class": HelpFormatter, **settings})

    def error(self, message: str) -> NoReturn:
        """Raise argparse's message as our error."""
        raise UsageError(message, where=self.prog, fix=f"{self.prog} --help")


def add_own_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``si`` without a command, those of every command among them."""
    parser.add_argument("--version", action="store_true", help="show the versions of all that matters and exit")
    add_global_options(parser)


def metavar(action: argparse.Action) -> str:
    """What the help calls the value of an argument, as it stands there."""
    return action.metavar if isinstance(action.metavar, str) else action.dest.upper()


def add_global_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that stand before or after the command.

    ``--debug`` and ``--no-plugins`` are read by ``main`` before anything is parsed; here they are accepted and
    documented. Defaults are suppressed, for a command's parser would overwrite what stood before the command.
    """
    group = parser.add_argument_group("for every command")
    add_verbosity(group)
    group.add_argument("--debug", action="store_true", default=argparse.SUPPRESS, help="show the traceback of an error")
    group.add_argument(
        "--no-plugins",
        action="store_true",
        default=argparse.SUPPRESS,
        help="leave all plugins out, as SI_PLUGINS='' does",
    )
