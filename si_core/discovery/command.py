"""A command of ``si``, of the core or of a plugin: a name, where its object lives, and one line about it."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from typing import Protocol

from si_core.discovery.spelling import check_name, check_target

__all__ = ["Command", "CommandObject"]


@dataclass(frozen=True)
class Command:
    """One command, such as ``si calm``.

    Args:
        name: lower-case words joined by hyphens, such as ``"calm"``.
        target: ``"module:object"``, what ``from module import object`` gives: a class, which is then made without
            arguments, an object, or a module. It has the two functions of :class:`CommandObject`. It is imported when
            the command is chosen, never before.
        summary: one line for ``si --help``.

    Raises:
        PluginError: a name or target of another form.
    """

    name: str
    target: str
    summary: str = ""

    def __post_init__(self) -> None:
        where = f"Command({self.name!r}, {self.target!r})"
        check_name(self.name, where)
        check_target(self.target, where, "module:object", "si_calm.command:Calm")


class CommandObject(Protocol):
    """What the target of a command has."""

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Add the command's arguments, and set ``parser.description`` and ``parser.epilog`` for its ``--help``.

        A positional ``overrides`` (``KEY=VALUE``, ``nargs="*"``) may be given before and after the options. Values are
        completed in shells by their ``metavar``: ``RECIPE``, ``KIND``, ``KEY=VALUE``, ``RUN``, ``FILE``, or a kind of
        component in capitals.
        """

    def run(self, arguments: argparse.Namespace) -> int | None:
        """Carry the command out; returns the exit code, None for 0."""
