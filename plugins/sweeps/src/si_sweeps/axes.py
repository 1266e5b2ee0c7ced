"""The grid of a sweep: keys with several values each, and all their combinations.

On the command line ``KEY=a,b,c`` is a YAML list without its brackets, so values may be lists and mappings themselves:
``latent=none,{use: brownian, scale: 2}``. One list in brackets is the list of values; ``KEY=[[0.9, 0.99]]`` is one
value that is a list. In a recipe the grid is the key ``sweep``, a mapping of dotted keys to lists. Keys that change
together are one axis there, written with commas and a list of values for each point:
``{"sample.epsilon, latent.scale": [[0.1, 0.2], [0.5, 1.0]]}``; it goes by the name and the values of its first key.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterable, Sequence
from collections.abc import Mapping as Map
from dataclasses import dataclass
from typing import Any

from si_core import RecipeError, SIError
from si_core.public.recipes import (
    Mapping,
    Node,
    Override,
    Path,
    Recipe,
    Where,
    change,
    dotted,
    fail,
    key_path,
    node_at,
    parse_arguments,
    parse_overrides,
    plain,
    read,
    split_argument,
)
from si_core.public.recipes import Sequence as SequenceNode

__all__ = ["Axis", "combinations", "joined", "parse_axes", "recipe_axes"]

POINTS = 10_000
"""The most runs of one sweep."""


@dataclass(frozen=True)
class Axis:
    """One key of a grid, or several that change together: where it was given, what it changes, and its values."""

    where: Where
    path: Path
    nodes: tuple[Node, ...]
    linked: tuple[Path, ...] = ()
    """The other keys that change with it; nodes are then lists with a value for each."""

    @property
    def key(self) -> str:
        """The key, such as ``latent.scale``; of several, the first."""
        return dotted(self.path)

    @property
    def grid_key(self) -> str:
        """The key as it stands in a recipe's grid, with those that change together."""
        return ", ".join(map(dotted, self.paths))

    @property
    def paths(self) -> tuple[Path, ...]:
        """All that it changes."""
        return (self.path, *self.linked)

    @property
    def values(self) -> list[Any]:
        """The values of the key as plain data."""
        return [self.value(node) for node in self.nodes]

    def value(self, node: Node) -> Any:
        """One value of the key as plain data."""
        return plain(self._parts(node)[0])

    def changes(self, node: Node) -> list[Override]:
        """The overrides that give the key, and those linked to it, one of their values."""
        return [change(self.where, path, part) for path, part in zip(self.paths, self._parts(node), strict=True)]

    def settled(self, node: Node, at: Callable[[Path], Any]) -> Any:
        """A value as it stands in a recipe's grid, each part as ``at`` says it was taken."""
        found = [_settled(plain(part), at(path)) for path, part in zip(self.paths, self._parts(node), strict=True)]
        return found if self.linked else found[0]

    def _parts(self, node: Node) -> tuple[Node, ...]:
        return tuple(node.items) if self.linked and isinstance(node, SequenceNode) else (node,)


def parse_axes(given: Iterable[str] | Map[str, Iterable[Any]]) -> list[Axis]:
    """The axes from ``KEY=a,b,c`` texts, or from a dictionary of dotted keys to lists.

    Raises:
        RecipeError: an impossible key, bad YAML, no value, a value twice, a key twice; quoting the argument.
    """
    return parse_arguments(given, _from_text, _from_item)


def recipe_axes(recipe: Recipe) -> list[Axis]:
    """The axes of a recipe's own ``sweep``; none where it has no such key.

    Raises:
        RecipeError: an impossible key, or a value twice; with the position in the file.
    """
    node = node_at(recipe.root, ("sweep",))
    axes: list[Axis] = []
    problems: list[SIError] = []
    for key, entry in node.entries.items() if isinstance(node, Mapping) else ():
        if key == "use":
            continue
        try:
            first, *others = (key_path(part, entry.where) for part in key.split(","))
            axes.append(_axis(entry.where, first, entry.node, tuple(others)))
        except SIError as error:
            problems.append(error)
    fail(problems)
    return axes


def joined(first: Sequence[Axis], second: Sequence[Axis]) -> tuple[Axis, ...]:
    """The axes of a recipe with those of a command line, whose values replace those of an equal key."""
    axes = {axis.path: axis for axis in first}
    return tuple((axes | {axis.path: axis for axis in second}).values())


def combinations(axes: Sequence[Axis]) -> list[tuple[Node, ...]]:
    """The cartesian product: one value an axis, the last axis fastest.

    Raises:
        RecipeError: more combinations than a sweep can have.
    """
    sizes = [len(axis.nodes) for axis in axes]
    if math.prod(sizes) > POINTS:
        raise RecipeError(
            "the grid has too many combinations",
            where=str(axes[0].where),
            got=f"{' x '.join(map(str, sizes))} = {math.prod(sizes)} runs",
            allowed=f"at most {POINTS}",
            fix="fewer values, or several sweeps",
        )
    return list(itertools.product(*(axis.nodes for axis in axes)))


def _from_text(argument: Any, index: int) -> Axis:
    where, path, text = split_argument(argument, index)
    node = read(f"[{text}]", str(where), argument=True)
    if isinstance(node, SequenceNode) and len(node.items) == 1 and isinstance(node.items[0], SequenceNode):
        node = node.items[0]
    return _axis(where, path, node)


def _from_item(key: Any, values: Any) -> Axis:
    (override,) = parse_overrides({key: values})
    return _axis(override.where, override.path, override.node)


def _axis(where: Where, path: Path, node: Node | None, linked: tuple[Path, ...] = ()) -> Axis:
    key = dotted(path)
    if "sweep" in (path[0], *(other[0] for other in linked)):
        raise _error(where, "a grid can't hold a grid", got=repr(key), allowed="any other key of a recipe")
    if not isinstance(node, SequenceNode) or not node.items:
        raise _error(where, f"{key!r} needs at least one value", fix=f"{key}=VALUE,VALUE")
    for index, item in enumerate(node.items):
        if any(_same(plain(item), plain(other)) for other in node.items[:index]):
            raise _error(item.where, f"a value of {key!r} stands twice", got=repr(plain(item)), fix="keep one of them")
    for item in node.items if linked else ():
        if not isinstance(item, SequenceNode) or len(item.items) != 1 + len(linked):
            raise _error(
                item.where,
                "keys that change together need a list with a value for each",
                got=repr(plain(item)),
                allowed=f"{1 + len(linked)} values, of {', '.join(map(dotted, (path, *linked)))}",
            )
    return Axis(where, path, tuple(node.items), linked)


def _settled(value: Any, resolved: Any) -> Any:
    """A value as given, with its texts as the recipe took them: paths are told from its base."""
    if isinstance(value, str) and isinstance(resolved, str):
        return resolved
    if isinstance(value, dict) and isinstance(resolved, dict):
        return {key: _settled(item, resolved.get(key)) for key, item in value.items()}
    if isinstance(value, list) and isinstance(resolved, Sequence) and len(value) == len(resolved):
        return [_settled(item, other) for item, other in zip(value, resolved, strict=True)]
    return value


def _same(one: Any, other: Any) -> bool:
    # In Python, true is 1; in a recipe it is not.
    return type(one) is type(other) and bool(one == other)


def _error(where: Where, problem: str, **details: Any) -> RecipeError:
    return RecipeError(problem, where=str(where), **details)
