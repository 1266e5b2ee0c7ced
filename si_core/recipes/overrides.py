"""Overrides: ``train.steps=100 latent.scale=2`` on the command line, or a dictionary from Python.

Each is a small recipe laid over the file, so the same rules hold; a number in a key picks an item of a list.
"""

from __future__ import annotations

from collections.abc import Iterable
from collections.abc import Mapping as Map
from dataclasses import dataclass
from typing import Any

from si_core.errors import RecipeError, SIError
from si_core.recipes import limits
from si_core.recipes.arguments import parse_arguments
from si_core.recipes.emit import inline
from si_core.recipes.merge import as_mapping, merge
from si_core.recipes.nodes import Entry, Mapping, Node, Path, Scalar, Sequence, Where, dotted, plain
from si_core.recipes.plain_data import data_node
from si_core.recipes.problems import fail
from si_core.recipes.reader import read
from si_core.recipes.sections import default_use
from si_core.recipes.text import unprintable

__all__ = ["Override", "apply_overrides", "change", "key_path", "parse_overrides", "split_argument"]


@dataclass(frozen=True)
class Override:
    """One change: where it was given, as which text, the place it changes and the new value."""

    where: Where
    text: str
    path: Path
    node: Node


def parse_overrides(overrides: Iterable[str] | Map[str, Any]) -> list[Override]:
    """The changes from ``KEY=VALUE`` texts, or from a dictionary with dotted keys or nested dictionaries.

    Raises:
        RecipeError: no ``=``, an empty or impossible key, a bad value, the same key twice; quoting the argument.
    """
    if isinstance(overrides, str):
        raise RecipeError("overrides are a list of 'KEY=VALUE' or a dictionary", got=repr(overrides))
    parsed = parse_arguments(overrides, _from_text, _from_item)
    # A whole section given beside one of its keys: the key is meant to win, whatever their order.
    return sorted(parsed, key=lambda override: len(override.path))


def apply_overrides(root: Mapping, overrides: Iterable[Override]) -> Mapping:
    """The recipe with the changes made.

    Raises:
        RecipeError: a key under a single value, or an index a list does not have.
    """
    node: Node = root
    problems: list[SIError] = []
    for override in overrides:
        try:
            node = _change(node, override, ())
        except RecipeError as error:
            problems.append(error)
    fail(problems)
    return node if isinstance(node, Mapping) else root


def _change(node: Node | None, override: Override, done: Path) -> Node:
    """The node at the path ``done`` with the rest of the override's path applied below it."""
    rest = override.path[len(done) :]
    if not rest:
        return merge(node, override.node, done) if node is not None else override.node
    if node is not None and any(default_use(done[:length]) is not None for length in range(1, len(done) + 1)):
        # A name that selects a component, for the recipe or for the options of one.
        node = as_mapping(node)
    if node is None or (isinstance(node, Scalar) and node.value is None):
        node = Mapping(override.where)
    key, place = rest[0], dotted(done)
    if isinstance(node, Sequence):
        size = len(node.items)
        if not isinstance(key, int) or key >= size:
            allowed = f"0 to {size - 1}" if size else "nothing: the list is empty"
            problem = f"{place!r} is a list: its items are counted from 0"
            raise _error(override.where, problem, got=repr(key), allowed=allowed)
        items = [*node.items[:key], _change(node.items[key], override, (*done, key)), *node.items[key + 1 :]]
        return Sequence(node.where, items)
    if isinstance(node, Scalar):
        problem = f"{place!r} is a single value and has no keys below it"
        raise _error(override.where, problem, got=node.text, fix=f"{place}=VALUE replaces it")
    if isinstance(key, int):
        allowed = "a key" if node.entries else "a list of its own in the recipe"
        raise _error(override.where, f"{place!r} is no list in this recipe", got=f"index {key}", allowed=allowed,
                     fix=f"give the whole list: {place}=[...]")  # fmt: skip
    old = node.entries.get(key)
    new = _change(old.node if old else None, override, (*done, key))
    # A key that is in the file keeps its position; what the argument brought carries the argument's.
    return Mapping(node.where, {**node.entries, key: Entry(old.where if old else override.where, new)})


def split_argument(argument: Any, index: int) -> tuple[Where, Path, str]:
    """The parts of the ``index``-th argument ``KEY=VALUE``: its position, the key, and the text of the value.

    Raises:
        RecipeError: no text, no ``=``, an impossible key, or nothing after ``=``.
    """
    if not isinstance(argument, str):
        raise RecipeError("an override is text of the form KEY=VALUE", where=f"argument {index}", got=repr(argument))
    shown = argument if len(argument) <= 80 else argument[:77] + "..."
    where = Where(f"argument {index} '{shown}'" if shown.isprintable() else f"argument {index} {shown!a}")
    odd = unprintable(argument)
    if odd is not None:
        raise _error(where, "the argument is not text", got=f"{argument[odd]!a} at character {odd + 1}")
    key, equals, value = argument.partition("=")
    if not equals:
        raise _error(where, "an override has the form KEY=VALUE", fix=f"{key.strip() or 'train.steps'}=VALUE")
    path = key_path(key, where)
    if not value.strip():
        raise _error(
            where, "no value after '='", fix=f"{key}=null for nothing, {key}='' in inner quotes for empty text"
        )
    return where, path, value


def change(where: Where, path: Path, node: Node) -> Override:
    """The override that puts a value at a place."""
    return Override(where, f"{dotted(path)}={_as_text(node)}", path, node)


def _from_text(argument: Any, index: int) -> Override:
    where, path, value = split_argument(argument, index)
    node = read(value, str(where), argument=True)
    if node is None:
        raise _error(where, "no value after '='", got=repr(value))
    return Override(where, argument, path, node)


def _from_item(key: Any, value: Any) -> Override:
    if not isinstance(key, str):
        raise RecipeError("the key of an override must be text", where="overrides", got=repr(key))
    where = Where(f"override {key!r}")
    return change(where, key_path(key, where), data_node(value, lambda path: _below(key, path)))


def _below(key: str, path: Path) -> Where:
    """The position of a place in the value of a dictionary's item."""
    return Where(f"override {'.'.join((key, *map(str, path)))!r}")


def key_path(key: str, where: Where) -> Path:
    """The place that a dotted key names; digits alone are the index of an item.

    Raises:
        RecipeError: no key, or one that only a file may hold.
    """
    parts = key.strip().split(".")
    if not all(parts) or len(parts) > limits.DEPTH or any(len(part) > limits.KEY for part in parts):
        raise _error(where, "not a key", got=repr(key[:60]), allowed="words joined by dots, like train.optimizer.lr")
    if parts[0] in ("extends", "base", "schema"):
        raise _error(where, f"{parts[0]!r} can't be changed by an override", fix="write it in the recipe file")
    is_index = [part.isascii() and part.isdecimal() and len(part) < 10 for part in parts]
    return tuple(int(part) if index else part for part, index in zip(parts, is_index, strict=True))


def _as_text(node: Node) -> str:
    try:
        return inline(plain(node))
    except ValueError:
        # An infinite number has no inline form, and checks will refuse it with words; nor has an object in memory.
        return node.text if isinstance(node, Scalar) else "..."


def _error(where: Where, problem: str, **details: Any) -> RecipeError:
    return RecipeError(problem, where=str(where), **details)
