"""The entry point of recipes: from a file or a built-in name to a :class:`~si_core.recipes.recipe.Recipe`.

Checked in stages: syntax, the recipe's own keys, the components and their options. A stage reports all its problems
together; the next one starts only when there are none, so that no problem is a mere consequence of another.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

from pydantic import BaseModel

from si_core.discovery.lookup import load
from si_core.recipes.components import check_components
from si_core.recipes.documents import Document, mapping_document, read_document
from si_core.recipes.extends import read_chain, read_found, resolve
from si_core.recipes.nested import nested_selections
from si_core.recipes.nodes import Mapping as MappingNode
from si_core.recipes.nodes import Where, position
from si_core.recipes.overrides import Override, apply_overrides, parse_overrides
from si_core.recipes.owners import owner_of, with_owner
from si_core.recipes.paths import Folders, changed_condition, rebased
from si_core.recipes.recipe import Recipe
from si_core.recipes.schema import Sections
from si_core.recipes.sections import listed
from si_core.recipes.selection import Selection
from si_core.recipes.structure import check_structure

__all__ = ["changed", "load_found_recipe", "load_recipe", "told_from"]


def load_recipe(
    recipe: str | os.PathLike[str] | Mapping[str, Any], overrides: Iterable[str] | Mapping[str, Any] = ()
) -> Recipe:
    """Load and check a recipe.

    In a mapping, as in overrides from Python, an object in memory may stand where the name of a component would:
    ``{"target": "two-moons", "source": {"use": "gaussian", "dim": 2}, "network": MyNet()}``. It takes no options. What
    is written of it is its class alone.

    Args:
        recipe: a file, the name of a built-in recipe (``name`` or ``distribution/name``), or the recipe itself.
        overrides: changes as ``"train.steps=100"``, or a dictionary ``{"train.steps": 100}`` (or nested).

    Raises:
        RecipeError: anything wrong with it; the message has one block per problem, each with its position.
        UsageError: there is no such recipe.
        PluginError: a component it needs belongs to a plugin that is broken, incompatible or in a clash.
    """
    changes = parse_overrides(overrides)
    if isinstance(recipe, Mapping):
        document = mapping_document(recipe)
        return _loaded(document.path.stem, document, changes)
    if isinstance(recipe, str):
        path, name = resolve(recipe, Path())
    else:
        path = Path(recipe)
        name = path.stem
    return _loaded(name, read_document(path), changes)


def load_found_recipe(path: Path, overrides: Mapping[str, Any] = MappingProxyType({})) -> Recipe:
    """Load the recipe that a folder holds, such as that of a run, which may be a stranger's.

    Args:
        path: the file. Where it is a link to a file elsewhere that is no recipe, no word of that is shown.
        overrides: as for :func:`load_recipe`.

    Raises:
        RecipeError, UsageError, PluginError: as for :func:`load_recipe`.
    """
    return _loaded(path.stem, read_found(path, path.parent), parse_overrides(overrides))


def _loaded(name: str, document: Document, changes: Sequence[Override]) -> Recipe:
    documents, root = read_chain(document)
    return _checked(name, document.path, document.text, root, _folders(documents), changes)


def changed(recipe: Recipe, changes: Sequence[Override]) -> Recipe:
    """A recipe with further changes, in the order in which they apply; checked as by :func:`load_recipe`."""
    return _checked(recipe.name, recipe.path, recipe.text, recipe.root, recipe.folders, changes, recipe.overrides)


def told_from(recipe: Recipe, base: Path) -> Recipe:
    """A recipe with its relative paths told from another base."""
    folders = Folders(str(base), recipe.folders.of_files)
    return _checked(recipe.name, recipe.path, recipe.text, recipe.root, folders, (), recipe.overrides)


def _folders(documents: Sequence[Document]) -> Folders:
    """Where paths start: at the folder of the first file; at the current directory where it is a plugin's own."""
    shipped = owner_of(Where(str(documents[0].path), 1)) is not None
    of_files = {str(document.path): document.folder for document in documents}
    return Folders(os.getcwd() if shipped else documents[0].folder, of_files)


def _checked(
    name: str,
    path: Path,
    text: str,
    base: MappingNode,
    folders: Folders,
    changes: Sequence[Override],
    before: tuple[str, ...] = (),
) -> Recipe:
    root = listed(apply_overrides(base, changes))
    sections = check_structure(root)
    check_components(root, sections)
    texts = tuple(change.text for change in changes)
    return Recipe(name, path, text, (*before, *texts), _placed(sections, root, folders), root, folders)


def _placed(sections: Sections, root: MappingNode, folders: Folders) -> Sections:
    """The sections with the owner and the position of every selection, and with all paths told from the base."""
    placed: Sections = _with_positions(sections, root, (), folders)
    place = ("sample", "condition")
    condition = changed_condition(
        placed.sample.condition, lambda text, path: folders.rebase(text, position(root, (*place, *path)))
    )
    init = None if placed.init is None else folders.rebase(placed.init, position(root, ("init",)))
    return placed.model_copy(update={"sample": placed.sample.model_copy(update={"condition": condition}), "init": init})


def _with_positions(value: Any, root: MappingNode, path: tuple[str | int, ...], folders: Folders) -> Any:
    if isinstance(value, Selection):
        if value.in_memory:
            return replace(value, where=str(position(root, path)))
        owned = rebased(with_owner(value, root, path), root, path, folders)
        nested = {
            name: _with_positions(each, root, (*path, name), folders)
            for name, each in nested_selections(owned, load(owned.kind, owned.qualified)).items()
        }
        return replace(owned, options={**owned.options, **nested}, where=str(position(root, path)))
    if isinstance(value, BaseModel):
        names = type(value).model_fields
        return value.model_copy(
            update={name: _with_positions(getattr(value, name), root, (*path, name), folders) for name in names}
        )
    if isinstance(value, list):
        return [_with_positions(item, root, (*path, index), folders) for index, item in enumerate(value)]
    return value
