"""A recipe for elsewhere: of each path in it the file's name alone, for the folders are of this machine."""

from __future__ import annotations

from pathlib import PurePath
from typing import Any

from si_core.recipes.emit import emit
from si_core.recipes.recipe import Recipe

__all__ = ["portable", "portable_text"]


def portable_text(recipe: Recipe) -> str:
    """The resolved recipe as YAML text, in which every path is the name of its file."""
    return emit(portable(recipe))


def portable(recipe: Recipe) -> dict[str, Any]:
    """The resolved recipe as plain data, in which every path is the name of its file."""
    found: dict[str, Any] = _shortened(recipe.resolved(), set(recipe.paths))
    return found


def _shortened(value: Any, known: set[str]) -> Any:
    if isinstance(value, dict):
        return {key: _shortened(item, known) for key, item in value.items()}
    if isinstance(value, list):
        return [_shortened(item, known) for item in value]
    return PurePath(value).name if isinstance(value, str) and value in known else value
