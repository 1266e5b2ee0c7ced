"""A recipe for elsewhere: of each path in it the file's name alone, for the folders are of this machine."""

from __future__ import annotations

from pathlib import PurePath
from typing import Any

from si_core.recipes.emit import emit
from si_core.recipes.paths import path_options
from si_core.recipes.recipe import Recipe

__all__ = ["portable_text"]


def portable_text(recipe: Recipe) -> str:
    """The resolved recipe as YAML text, in which every path is the name of its file."""
    known = {text for selection in recipe.selections() for text in _texts(list(path_options(selection).values()))}
    resolved = recipe.resolved()
    known |= {text for text in _texts(resolved["sample"].get("condition")) if text.endswith(".npy")}
    found: dict[str, Any] = _shortened(resolved, known)
    return emit(found)


def _texts(value: Any) -> list[str]:
    """All texts in plain data."""
    if isinstance(value, str):
        return [value]
    items = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return [text for item in items for text in _texts(item)]


def _shortened(value: Any, known: set[str]) -> Any:
    if isinstance(value, dict):
        return {key: _shortened(item, known) for key, item in value.items()}
    if isinstance(value, list):
        return [_shortened(item, known) for item in value]
    return PurePath(value).name if isinstance(value, str) and value in known else value
