"""Descriptions of options, read from the ``Args:`` section of a class's docstring.

The form is Google's: ``name: text`` or ``name (type): text`` indented under ``Args:``, continued on deeper lines.
"""

from __future__ import annotations

import inspect
import re
from typing import Any

__all__ = ["argument_descriptions", "without_arguments"]

_SECTION = re.compile(r"(Args|Arguments|Parameters):\s*")
_ITEM = re.compile(r"(\w+)(?:\s*\([^)]*\))?:\s*(.*)")


def argument_descriptions(cls: type[Any]) -> dict[str, str]:
    """Return the description of each documented constructor parameter; a subclass's text wins over its base's."""
    found: dict[str, str] = {}
    for ancestor in reversed(cls.__mro__):
        initialiser = vars(ancestor).get("__init__")
        for text in (vars(ancestor).get("__doc__"), getattr(initialiser, "__doc__", None)):
            if isinstance(text, str):
                found.update(_items(_split(text)[1]))
    return found


def without_arguments(cls: type[Any]) -> str:
    """Return the class's own docstring without its ``Args:`` section, dedented."""
    before, _, after = _split(cls.__doc__ or "")
    return "\n\n".join(part for part in ("\n".join(before).strip(), "\n".join(after).strip()) if part)


def _split(docstring: str) -> tuple[list[str], list[str], list[str]]:
    """Return the lines before the section, those of it, and those after it."""
    lines = inspect.cleandoc(docstring).splitlines()
    start = next((number for number, line in enumerate(lines) if _SECTION.fullmatch(line)), len(lines))
    stop = next((n for n in range(start + 1, len(lines)) if lines[n] and not lines[n].startswith(" ")), len(lines))
    return lines[:start], lines[start + 1 : stop], lines[stop:]


def _items(section: list[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    name = ""
    body = inspect.cleandoc("\n".join(["", *section])).splitlines()
    for line in body:
        match = None if line.startswith(" ") else _ITEM.fullmatch(line)
        if match:
            name, found[match[1]] = match[1], match[2]
        elif name:
            found[name] = f"{found[name]} {line.strip()}".strip()
    return found
