"""``extends``: a recipe laid over another file or a built-in recipe, which may extend a third.

A stranger's recipe may name any file of its reader's. One outside the folder of the recipe that was asked for, by
``..`` or by a link, is read as a base all the same, for projects share them; but where it is no recipe, no word of it
is shown.
"""

from __future__ import annotations

import os
from pathlib import Path

from si_core.errors import RecipeError, SIError, UsageError
from si_core.recipes import limits
from si_core.recipes.builtin import builtin_recipes, find_builtin, unknown_recipe
from si_core.recipes.documents import Document, read_document
from si_core.recipes.fragments import properties_at
from si_core.recipes.merge import merge
from si_core.recipes.nodes import Mapping

__all__ = ["read_chain", "read_found", "resolve"]


def resolve(text: str, folder: Path) -> tuple[Path, str]:
    """The file and the name of a recipe given as a path (relative to ``folder``) or as a built-in name.

    Raises:
        RecipeError: the name is shipped by several distributions.
        UsageError: neither a built-in recipe nor a file.
    """
    path = folder / text
    is_path = text.endswith((".yaml", ".yml")) or Path(text).name != text
    exists = os.path.exists(path)
    if is_path and (exists or text.count("/") != 1):
        return path, path.stem
    builtin = find_builtin(text)
    if builtin:
        return builtin.path, builtin.name
    if is_path or exists:
        return path, path.stem
    raise unknown_recipe(text, folder)


def read_chain(document: Document) -> tuple[list[Document], Mapping]:
    """A document and those it extends, and its keys over theirs.

    Raises:
        RecipeError: a cycle, too many files, or a base that can't be read; with the chain of files.
    """
    documents = [document]
    while (base := documents[-1].extends) is not None:
        where, chain = str(base.where), [str(document.path) for document in documents]
        try:
            following = _base_path(str(base.value), documents[-1].path.parent)
            if os.path.realpath(following) in [os.path.realpath(document.path) for document in documents]:
                raise RecipeError("these recipes extend each other in a circle")
            if len(documents) == limits.CHAIN:
                raise RecipeError("too many recipes extend each other", allowed=f"at most {limits.CHAIN} files")
            documents.append(read_found(following, document.path.parent))
        except SIError as error:
            raise _of_chain(error, where, [*chain, str(base.value)]) from None
    root = documents[-1].root
    for document in reversed(documents[:-1]):
        merged = merge(root, document.root)
        root = merged if isinstance(merged, Mapping) else document.root
    return documents, root


def _base_path(text: str, folder: Path) -> Path:
    if not text.isprintable():
        raise UsageError("not the name of a file", got=ascii(text))
    if Path(text).is_absolute():
        raise UsageError("a base is named relative to this file", got=repr(text), allowed="a relative path, or a name")
    return resolve(text, folder)[0]


def read_found(path: Path, folder: Path) -> Document:
    """A recipe that a stranger may have chosen: a base, or the one in a folder.

    One that lies outside the folder and is no built-in recipe must be a recipe to be spoken of.

    Raises:
        RecipeError: as of :func:`read_document`; of a file outside that is no recipe, without a word of it.
    """
    of_plugin = os.path.realpath(path) in {os.path.realpath(recipe.path) for recipe in builtin_recipes()}
    if of_plugin or _below(path, folder) or not os.path.isfile(path):
        return read_document(path)
    try:
        document = read_document(path)
    except RecipeError:
        document = None
    if document is None or not any(key in properties_at(document.root, ()) for key in document.root.entries):
        raise RecipeError(
            "a file outside the recipe's folder that is no recipe; nothing of it is shown",
            got=repr(os.path.realpath(path)),
            allowed="a recipe",
            fix=f"si validate {path}, if it is yours",
        )
    return document


def _below(path: Path, folder: Path) -> bool:
    root = os.path.realpath(folder)
    return os.path.commonpath([root, os.path.realpath(path)]) == root


def _of_chain(error: SIError, where: str, chain: list[str]) -> RecipeError:
    """The error with the chain of files; one inside a base keeps its own position."""
    problem = f"{error.problem}\n    extends: {' -> '.join(chain)}"
    return RecipeError(problem, where=error.where or where, got=error.got, allowed=error.allowed, fix=error.fix)
