"""How much a command says: ``--quiet``, nothing on its way; ``--verbose``, also what its parts tell by ``logging``.

What was asked for (tables, numbers, JSON), warnings and errors come either way.
"""

from __future__ import annotations

import argparse
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from si_core.discovery.plugins import packages_of_plugins

__all__ = ["add_verbosity", "is_quiet", "speaking"]

_QUIET, _VERBOSE = -1, 1
_level: ContextVar[int] = ContextVar("verbosity", default=0)


def add_verbosity(group: argparse._ActionsContainer) -> None:
    """Add ``-q`` and ``-v``; what a command's parser does not find leaves what stood before the command."""
    for letter, name, level, help_ in (
        ("-q", "--quiet", _QUIET, "no progress and no lines on the way: results, warnings and errors alone"),
        ("-v", "--verbose", _VERBOSE, "also what readers of data and other parts have to tell"),
    ):
        group.add_argument(
            letter,
            name,
            dest="verbosity",
            action="store_const",
            const=level,
            default=argparse.SUPPRESS,
            help=help_,
        )


def is_quiet() -> bool:
    """Whether what happens on the way is not said."""
    return _level.get() == _QUIET


@contextmanager
def speaking(arguments: argparse.Namespace) -> Iterator[None]:
    """Speak as much as the arguments say while a command is carried out.

    Information of the loggers of the core and of plugins reaches :class:`si_core.runs.records.LogRecords`; that of
    other libraries stays where it is.
    """
    token = _level.set(getattr(arguments, "verbosity", 0))
    names = ("si_core", *packages_of_plugins()) if _level.get() == _VERBOSE else ()
    before = {name: logging.getLogger(name).level for name in names}
    try:
        for name in before:
            logging.getLogger(name).setLevel(logging.INFO)
        yield
    finally:
        _level.reset(token)
        for name, level in before.items():
            logging.getLogger(name).setLevel(level)
