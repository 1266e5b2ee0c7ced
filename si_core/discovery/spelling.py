"""How the names and targets that plugins give are spelt."""

from __future__ import annotations

import re

from si_core.errors import PluginError

__all__ = ["check_name", "check_target"]

_NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_TARGET = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*")


def check_name(name: object, where: str, word: str = "name", example: str = "my-cubic") -> None:
    """Refuse a name that is not lower-case words joined by hyphens.

    Raises:
        PluginError: it is of another form.
    """
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise PluginError(
            f"a {word} is lower-case words joined by hyphens", where=where, got=repr(name), allowed=f"like {example!r}"
        )


def check_target(target: object, where: str, form: str = "module:Class", example: str = "si_cubic.cubic:Cubic") -> None:
    """Refuse a target that does not name something in a module.

    Raises:
        PluginError: it is of another form.
    """
    if not isinstance(target, str) or not _TARGET.fullmatch(target):
        raise PluginError(f"a target is {form!r}", where=where, got=repr(target), allowed=f"like {example!r}")
