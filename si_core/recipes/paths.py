"""Paths in a recipe: a relative one starts from the folder of the file it is written in.

So a recipe with its data beside it runs from anywhere, and ``resolved.yaml``, which holds the absolute path, runs from
any folder. A path on the command line starts from the current directory, as in any command. What is a path is told by
the types of a component's constructor: every option annotated with :class:`pathlib.Path`.
"""

from __future__ import annotations

import os
import pathlib
import types
from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from si_core.discovery import lookup
from si_core.discovery.kinds import KINDS
from si_core.discovery.parameters import parameters
from si_core.recipes.nodes import Mapping as MappingNode
from si_core.recipes.nodes import Path, position
from si_core.recipes.selection import Selection

__all__ = ["path_options", "with_absolute_paths"]


def path_options(selection: Selection) -> dict[str, Any]:
    """The options that hold paths, as the recipe gives them, by name."""
    return {name: selection.options[name] for name in _path_types(selection)}


def with_absolute_paths(selection: Selection, root: MappingNode, place: Path) -> Selection:
    """The selection with its paths made absolute; symbolic links stay, and ``~`` is a name like any other.

    Args:
        selection: whose component is installed and whose options fit.
        root: the recipe's keys with their positions.
        place: where the selection stands.
    """
    changed = {}
    for name, annotation in _path_types(selection).items():
        where = position(root, (*place, name))
        folder = "." if where.line is None else os.path.dirname(where.source)
        changed[name] = _absolute(selection.options[name], annotation, folder)
    return replace(selection, options={**selection.options, **changed}) if changed else selection


def _path_types(selection: Selection) -> dict[str, Any]:
    """The types of the options that are given and hold paths."""
    if not selection.options:
        return {}
    cls, context = lookup.load(selection.kind, selection.qualified), KINDS[selection.kind].context
    return {
        parameter.name: parameter.annotation
        for parameter in parameters(cls, context)
        if parameter.name in selection.options and _holds_path(parameter.annotation)
    }


def _holds_path(annotation: Any) -> bool:
    if isinstance(annotation, type) and issubclass(annotation, pathlib.PurePath):
        return True
    arguments = get_args(annotation)
    inner = arguments[:1] if get_origin(annotation) is Annotated else arguments
    return any(_holds_path(argument) for argument in inner)


def _absolute(value: Any, annotation: Any, folder: str) -> Any:
    """The value with the texts that stand for paths made absolute."""
    if isinstance(value, str):
        return os.path.abspath(os.path.join(folder, value)) if value and value not in _words(annotation) else value
    if isinstance(value, list):
        return [_absolute(item, _item_type(annotation), folder) for item in value]
    if isinstance(value, Mapping):
        return {key: _absolute(item, _item_type(annotation), folder) for key, item in value.items()}
    return value


def _words(annotation: Any) -> tuple[Any, ...]:
    """Texts that a type names one by one, which are no paths: ``"none"`` in ``Path | Literal["none"]``."""
    arguments = get_args(annotation)
    return arguments if get_origin(annotation) is Literal else tuple(w for part in arguments for w in _words(part))


def _item_type(annotation: Any) -> Any:
    """The part of a type that holds the path: of ``list[Path] | None`` it is ``Path``, of ``dict[str, Path]`` too."""
    inner = next((argument for argument in get_args(annotation) if _holds_path(argument)), annotation)
    nested = get_origin(annotation) in (Annotated, Union, types.UnionType) and get_args(inner)
    return _item_type(inner) if nested else inner
