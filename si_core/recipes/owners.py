"""Whose component a name in a recipe means: by the file in which it is written.

A name in a recipe that a plugin ships means that plugin's component, or one of those it requires, also where a user's
recipe extends it; what the user writes over it, in a file or an argument, has no hidden preference. Where nothing is
written, the default is ours. See :mod:`si_core.discovery.owners`.
"""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import PurePath
from typing import get_args

from si_core.discovery.available import Found
from si_core.discovery.lookup import find
from si_core.discovery.owners import DEFAULTS, Scope, scope_of
from si_core.discovery.plugins import installed_plugins
from si_core.errors import SIError
from si_core.recipes.nodes import Mapping, Node, Path, Scalar, Where, node_at
from si_core.recipes.sections import sections_model
from si_core.recipes.selection import Select, Selection
from si_core.recipes.training import Section

__all__ = ["found_at", "kind_at", "owner_of", "same_component", "scope_at", "with_owner"]


def owner_of(where: Where) -> str | None:
    """The distribution that ships the file of a position; None for an argument and for a file of the user's."""
    if where.line is None:
        return None
    file = PurePath(os.path.realpath(where.source))
    for plugin in installed_plugins():
        if plugin.ready and plugin.recipes is not None and file.is_relative_to(os.path.realpath(plugin.recipes)):
            return plugin.distribution
    return None


def scope_at(root: Node, path: Path) -> Scope:
    """The scope of the name that is selected at this place."""
    node = node_at(root, (*path, "use")) or node_at(root, path)
    if not isinstance(node, Scalar):
        return DEFAULTS
    owner = owner_of(node.where)
    return () if owner is None else scope_of(owner)


def found_at(root: Node, path: Path, selection: Selection) -> Found:
    """The component that a selection at this place means.

    Raises:
        UsageError, PluginError: as :func:`si_core.discovery.lookup.find`.
    """
    return find(selection.kind, selection.qualified, scope_at(root, path))


def with_owner(selection: Selection, root: Node, path: Path) -> Selection:
    """The selection with the owner of its component, which must be installed."""
    found = found_at(root, path, selection)
    return replace(selection, name=found.component.name, distribution=found.plugin.distribution)


def same_component(path: Path, base: Mapping, top: Mapping, names: tuple[str, str]) -> bool:
    """Whether two mappings at the same place, with these names, select one component.

    False where it can't be told: the check of the recipe says what is wrong with the name that is left.
    """
    kind = kind_at(path)
    if kind is None:
        return False
    try:
        one, other = (find(kind, name, scope_at(mapping, ())) for mapping, name in zip((base, top), names, strict=True))
    except SIError:
        return False
    return one.qualified == other.qualified


def kind_at(path: Path) -> str | None:
    """The kind of component that is selected at this place of a recipe; None where none is."""
    *sections, last = [part for part in path if isinstance(part, str)] or [""]
    section: type[Section] = sections_model()
    for name in sections:
        field = section.model_fields.get(name)
        inner = None if field is None else field.annotation
        if not (isinstance(inner, type) and issubclass(inner, Section)):
            return None
        section = inner
    field = section.model_fields.get(last)
    marks = [] if field is None else [*field.metadata, *_marks(field.annotation)]
    return next((mark.kind for mark in marks if isinstance(mark, Select)), None)


def _marks(annotation: object) -> list[object]:
    """What annotates a type and the types in it."""
    inner = [mark for part in get_args(annotation) for mark in _marks(part)]
    return [*getattr(annotation, "__metadata__", ()), *inner]
