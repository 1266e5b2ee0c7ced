"""Recipes as documents: their nodes with positions, changes of them, and how their values are written."""

from __future__ import annotations

from si_core.recipes.arguments import parse_arguments
from si_core.recipes.differences import differences
from si_core.recipes.editor_line import SCHEMA_FILE, editor_line
from si_core.recipes.emit import emit, inline
from si_core.recipes.loader import changed, load_found_recipe
from si_core.recipes.nodes import Mapping, Node, Path, Sequence, Where, dotted, node_at, plain
from si_core.recipes.overrides import Override, change, key_path, parse_overrides, split_argument
from si_core.recipes.paths import buildable_options
from si_core.recipes.problems import fail
from si_core.recipes.reader import read
from si_core.recipes.recipe import Recipe

__all__ = [
    "SCHEMA_FILE",
    "Mapping",
    "Node",
    "Override",
    "Path",
    "Recipe",
    "Sequence",
    "Where",
    "buildable_options",
    "change",
    "changed",
    "differences",
    "dotted",
    "editor_line",
    "emit",
    "fail",
    "inline",
    "key_path",
    "load_found_recipe",
    "node_at",
    "parse_arguments",
    "parse_overrides",
    "plain",
    "read",
    "split_argument",
]
