"""``si completion SHELL``: the script by which bash, zsh or fish completes commands, recipes, components and keys."""

from __future__ import annotations

import argparse
import sys

from si_core.cli.completing.answer import answer
from si_core.cli.completing.scripts import INSTALL, SCRIPTS
from si_core.cli.tables import one_line
from si_core.errors import UsageError

__all__ = ["add_arguments", "run"]

_LONGEST = 60
"""Letters of a meaning beside a word."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command and add its arguments."""
    parser.description = (
        "Print a script by which a shell completes commands, options, recipes, kinds, components and the keys of "
        "recipes, as they are installed when the key is pressed."
    )
    parser.epilog = INSTALL
    parser.add_argument("shell", metavar="SHELL", nargs="?", choices=tuple(SCRIPTS), help=", ".join(SCRIPTS))
    # The scripts ask by it: words come in by lines, as options among them would be taken for our own.
    parser.add_argument("--answer", action="store_true", help=argparse.SUPPRESS)


def run(arguments: argparse.Namespace) -> int:
    """Print the script, or answer one."""
    if arguments.answer:
        for found in answer(sys.stdin.read().split("\n")[:-1]):
            print(f"{found.word}\t{_short(one_line(found.meaning))}")
        return 0
    if arguments.shell is None:
        raise UsageError(
            "for which shell?", where="si completion", allowed=", ".join(SCRIPTS), fix="si completion bash"
        )
    print(SCRIPTS[arguments.shell], end="")
    return 0


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST else text[: _LONGEST - 3].rstrip() + "..."
