"""The keys of a recipe, or of one of its sections, as ``si show recipe`` and ``si show train`` print them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from si_core.cli.folding import print_text
from si_core.cli.tables import print_json, print_table

__all__ = ["SECTIONS", "places_of", "print_keys"]

SECTIONS = ("recipe", "train", "sample")
"""What has keys of its own: a whole recipe, and its sections that select no component."""

_SELECTION = re.compile(r"the name of an? (\S+), or a mapping \{use: name, \.\.\.options\}")


def print_keys(section: str, as_json: bool) -> None:
    """Print what is allowed at each key, its default and its meaning."""
    keys = _keys(section)
    if as_json:
        print_json({"section": section, "keys": keys})
        return
    print("recipe: the keys of a recipe" if section == "recipe" else f"{section}: the keys of this section of a recipe")
    print()
    print_table(
        [(name, _SELECTION.sub(r"\1", key["allowed"]), _default(key), _meaning(key)) for name, key in keys.items()],
        header=("key", "allowed", "default", "meaning"),
        indent="  ",
    )
    print()
    if any(key["kinds"] for key in keys.values()):
        print_text(
            "A component is selected by its name or by {use: name, ...options}: 'si list KIND', 'si show KIND NAME'."
        )
    if section == "recipe":
        print_text("'si show train' and 'si show sample' print the keys of these sections.")


def places_of(kind: str) -> list[str]:
    """Where recipes select components of this kind, as dotted keys: ``train.schedule``."""
    return [
        name if section == "recipe" else f"{section}.{name}"
        for section in SECTIONS
        for name, key in _keys(section).items()
        if kind in key["kinds"]
    ]


def _keys(section: str) -> dict[str, dict[str, Any]]:
    from si_core.recipes.descriptions import allowed
    from si_core.recipes.fragments import own_schema, section_schema

    root, schema = own_schema(), section_schema(section)
    required = schema.get("required", ())
    return {
        name: {
            "required": name in required,
            "default": _plain(key.get("default")),
            "allowed": allowed(key, root),
            "kinds": list(dict.fromkeys(_kinds(key))),
            "examples": key.get("examples", []),
            "description": key.get("description", ""),
        }
        for name, key in schema["properties"].items()
    }


def _kinds(key: dict[str, Any]) -> Iterator[str]:
    """The kinds of component that are selected here, alone, in a list or among other values."""
    if "x-select" in key:
        yield str(key["x-select"])
    for part in [*key.get("anyOf", ()), key.get("items", {})]:
        if part:
            yield from _kinds(part)


def _plain(default: Any) -> Any:
    """A default as it is written in a recipe: a selection by its name."""
    if isinstance(default, list):
        return [_plain(item) for item in default]
    if isinstance(default, dict):
        return default["name"] if {"kind", "name", "options"} <= default.keys() else default
    return default


def _meaning(key: dict[str, Any]) -> str:
    return "; such as ".join([key["description"], *key["examples"][:1]])


def _default(key: dict[str, Any]) -> str:
    default = key["default"]
    if key["required"]:
        return "(required)"
    return "(a section)" if isinstance(default, dict) and len(default) > 5 else _written(default)


def _written(default: Any) -> str:
    if isinstance(default, dict):
        return "{" + ", ".join(f"{name}: {_written(value)}" for name, value in default.items()) + "}"
    return json.dumps(default, ensure_ascii=False)
