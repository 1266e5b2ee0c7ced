"""Python data as the nodes of a recipe: dictionaries, lists, values, and objects in memory."""

from __future__ import annotations

import numbers
import os
from collections.abc import Callable
from collections.abc import Mapping as Map
from typing import Any

from si_core.errors import RecipeError
from si_core.recipes import limits
from si_core.recipes.live import IN_MEMORY, Live
from si_core.recipes.nodes import Entry, Mapping, Node, Path, Scalar, Sequence, Where, plain

__all__ = ["data_node", "written"]


def data_node(value: Any, where: Callable[[Path], Where], path: Path = ()) -> Node:
    """The nodes of Python data; what no text could say is an object in memory.

    Args:
        value: text, numbers, true or false, None, lists, dictionaries, paths, or any object.
        where: the position of a place in it, for errors.
        path: the place of the value.

    Raises:
        RecipeError: a key that is no text, a number or text that can't be read back, or too many levels.
    """
    here = where(path)
    if len(path) > limits.DEPTH:
        raise _error(here, "nested too deeply", allowed=f"at most {limits.DEPTH} levels")
    if isinstance(value, Map):
        if not all(isinstance(key, str) and len(key) <= limits.KEY for key in value):
            raise _error(here, "a key must be text", got=repr(list(value))[:80])
        entries = {key: Entry(where((*path, key)), data_node(item, where, (*path, key))) for key, item in value.items()}
        return Mapping(here, entries)
    if isinstance(value, list | tuple):
        return Sequence(here, [data_node(item, where, (*path, index)) for index, item in enumerate(value)])
    if isinstance(value, os.PathLike):
        value = os.fspath(value)
    elif isinstance(value, numbers.Integral) and not isinstance(value, bool):
        value = int(value)
    elif isinstance(value, numbers.Real) and not isinstance(value, bool | int):
        value = float(value)
    if not isinstance(value, str | bool | int | float | None):
        live = Live(value)
        return Scalar(here, live, str(live))
    if isinstance(value, int) and abs(value) >= 10**limits.DIGITS:
        raise _error(here, "a number too large to read", allowed=f"at most {limits.DIGITS} digits")
    if isinstance(value, str) and any("\ud800" <= character <= "\udfff" for character in value):
        raise _error(here, "no text: it holds half a character", got=ascii(value)[:60])
    return Scalar(here, value, str(value))


def written(node: Node) -> Any:
    """The nodes as data that a text can hold: of an object in memory its class."""
    if isinstance(node, Mapping):
        return {key: written(entry.node) for key, entry in node.entries.items()}
    if isinstance(node, Sequence):
        return [written(item) for item in node.items]
    return {IN_MEMORY: node.value.path} if isinstance(node.value, Live) else plain(node)


def _error(where: Where, problem: str, **details: Any) -> RecipeError:
    return RecipeError(problem, where=str(where), **details)
