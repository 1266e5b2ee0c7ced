"""One recipe, a file or a mapping in memory: read, of a known schema version, with its ``extends`` and ``base``."""

from __future__ import annotations

import os
from collections.abc import Mapping as Map
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from si_core.discovery.compatibility import core_version
from si_core.errors import RecipeError
from si_core.recipes.emit import emit
from si_core.recipes.nodes import Entry, Mapping, Scalar, Where, dotted
from si_core.recipes.plain_data import data_node, written
from si_core.recipes.reader import read
from si_core.recipes.schema import SCHEMA_VERSION
from si_core.recipes.text import read_text

__all__ = ["MINIMAL", "Document", "mapping_document", "read_document"]

MINIMAL = "source: gaussian\ntarget: checkerboard\n"
"""A recipe that says no more than it must."""


@dataclass(frozen=True)
class Document:
    """A file.

    Args:
        path: the file.
        text: as given.
        root: its keys without ``extends`` and ``base``.
        extends: what it extends, with the position; None for nothing.
        folder: where its relative paths start, absolute: ``base``, or the folder that the file is in.
    """

    path: Path
    text: str
    root: Mapping
    extends: Scalar | None
    folder: str


def read_document(path: Path) -> Document:
    """Read one file.

    Raises:
        RecipeError: the file, its syntax, an empty one, another schema version, a wrong ``extends`` or ``base``.
    """
    text = read_text(path)
    node = read(text, str(path))
    if isinstance(node, Scalar) and not node.text:
        node = None
    if not isinstance(node, Mapping):
        got = (
            "nothing"
            if node is None
            else "a list"
            if not isinstance(node, Scalar)
            else f"one value, {node.text[:60]!r}"
        )
        example = MINIMAL.replace("\n", "\n    ").rstrip()
        raise RecipeError(
            "a recipe is a mapping of keys to values",
            where=f"{path}:{node.where.line if node else 1}",
            got=got,
            fix=f"start from\n    {example}",
        )
    return _document(path, text, node)


def mapping_document(recipe: Map[str, Any]) -> Document:
    """A recipe that a program gives as a mapping; its positions are keys, and its relative names start from here.

    Raises:
        RecipeError: as for :func:`read_document`, or what no recipe can hold.
    """
    node = data_node(recipe, lambda path: Where(dotted(path) or "the recipe"))
    if not isinstance(node, Mapping) or not node.entries:
        raise RecipeError("a recipe is a mapping of keys to values", got="nothing in it", fix="{'target': 'two-moons'}")
    try:
        text = emit(written(node))
    except ValueError:
        text = ""  # a number that is not finite: the checks of the recipe refuse it with its key
    return _document(Path("in-memory"), text, node)


def _document(path: Path, text: str, node: Mapping) -> Document:
    _check_version(node)
    entries = dict(node.entries)
    extends = _text(entries, "extends", "one file beside this one, or the name of a built-in recipe")
    base = _text(entries, "base", "a folder, relative to this file")
    return Document(path, text, Mapping(node.where, entries), extends, _folder(path, base))


def _text(entries: dict[str, Entry], key: str, allowed: str) -> Scalar | None:
    """The text of a key that is taken out; None where there is nothing."""
    entry = entries.pop(key, None)
    if entry is None or (isinstance(entry.node, Scalar) and entry.node.value is None):
        return None
    if not (isinstance(entry.node, Scalar) and isinstance(entry.node.value, str) and entry.node.value):
        raise RecipeError(f"{key!r} has the wrong type", where=str(entry.node.where), allowed=allowed)
    return entry.node


def _folder(path: Path, base: Scalar | None) -> str:
    # As the file system walks it: `..` of a folder that is reached by a link is that of the folder itself.
    here = os.path.realpath(os.path.dirname(path))
    if base is None:
        return here
    if os.path.isabs(str(base.value)):
        problem, fix = (
            "'base' is told from this file",
            "write the paths themselves as absolute ones, or a relative base",
        )
        raise RecipeError(problem, where=str(base.where), got=repr(base.value), allowed="a relative path", fix=fix)
    try:
        return os.path.realpath(os.path.join(here, str(base.value)))
    except ValueError as error:  # a NUL, or half of a character
        where, got = str(base.where), ascii(base.value)[:80]
        raise RecipeError("'base' is no path", where=where, got=got, allowed="a relative path") from error


def _check_version(root: Mapping) -> None:
    entry = root.entries.get("schema")
    if entry is None:
        return
    version = entry.node.value if isinstance(entry.node, Scalar) else None
    where, allowed = str(entry.node.where), str(SCHEMA_VERSION)
    if not isinstance(version, int) or isinstance(version, bool) or version < 1:
        text = entry.node.text if isinstance(entry.node, Scalar) else "no number"
        raise RecipeError("there is no such schema version", where=where, got=text, allowed=allowed)
    if version > SCHEMA_VERSION:
        raise RecipeError(
            f"this recipe needs an si-core newer than {core_version()}",
            where=where,
            got=f"schema {version}",
            allowed=allowed,
            fix="pip install --upgrade si-core",
        )
