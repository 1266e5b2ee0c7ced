"""The reference of recipes: their keys, and the recipes that come with the plugins."""

from __future__ import annotations

from typing import Any

from _site.markup import cell, code, fenced, plain, table
from si_core.cli.keys import SECTIONS
from si_core.recipes.builtin import builtin_recipes
from si_core.recipes.descriptions import allowed
from si_core.recipes.fragments import own_schema, section_schema

__all__ = ["pages"]

_LONG = 60
"""Characters of a default that are kept from being broken."""


def pages() -> dict[str, str]:
    """The pages by their names."""
    words = ["# Keys of a recipe\n", "As `si show recipe`, `si show train` and `si show sample` print them.\n"]
    root = own_schema()
    for section in SECTIONS:
        schema = section_schema(section)
        rows = [_row(name, key, schema, root) for name, key in schema["properties"].items()]
        words += [f"## {section}\n", table(("key", "allowed", "default", "meaning"), rows)]
    return {"recipe-keys.md": "\n".join(words), "recipes.md": _built_in()}


def _row(name: str, key: dict[str, Any], schema: dict[str, Any], root: dict[str, Any]) -> tuple[str, str, str, str]:
    default = code(plain(key["default"])) if "default" in key else ""
    if name in schema.get("required", ()):
        default = "required"
    meaning = cell(key.get("description", ""))
    return code(name), cell(allowed(key, root)), cell(default) if len(default) > _LONG else default, meaning


def _built_in() -> str:
    words = ["# Built-in recipes\n", "`si run NAME` runs one, `si recipes` lists them.\n"]
    for recipe in builtin_recipes():
        words += [f"## {recipe.name}\n", f"{recipe.title} ({recipe.distribution}).\n"]
        words.append(fenced(recipe.path.read_text(encoding="utf-8"), "yaml"))
    return "\n".join(words)
