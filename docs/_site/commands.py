"""The reference of commands: what each prints for --help."""

from __future__ import annotations

import contextlib
import io
import os
from unittest import mock

from _site.markup import code, fenced, table
from si_core import errors
from si_core.cli.main import main
from si_core.discovery.commands import all_commands

__all__ = ["pages"]


def pages() -> dict[str, str]:
    """The pages by their names."""
    found = all_commands()
    rows = [(f"[si {name}](#si-{name})", each.command.summary) for name, each in found.items()]
    words = ["# Commands\n", table(("command", "what it does"), rows), "## Exit codes\n", _exit_codes()]
    for name in found:
        words += [f"## si {name}\n", fenced(_help(name))]
    return {"commands.md": "\n".join(words)}


def _help(name: str) -> str:
    out = io.StringIO()
    with mock.patch.dict(os.environ, COLUMNS="96"), contextlib.redirect_stdout(out):
        main([name, "--help"])
    return out.getvalue()


def _exit_codes() -> str:
    of = {
        0: "done",
        1: "internal error: a fault of ours",
        130: "after Ctrl-C, with everything saved",
        141: "the reader of the output has gone",
        143: "after SIGTERM, with everything saved",
    }
    for kind in errors.SIError.__subclasses__():
        if kind.__module__ == errors.__name__:
            words = f"{code(kind.__name__)}: {(kind.__doc__ or '').partition(chr(10))[0].rstrip('.')}"
            of[kind.code] = "; ".join(filter(None, (of.get(kind.code), words)))
    return table(("code", "means"), [(str(number), of[number]) for number in sorted(of)])
