"""A YAML document as a tree: mappings, lists and values, each with the position it was written at."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from si_core.recipes.live import Live
from si_core.recipes.scalars import Value

__all__ = [
    "Entry",
    "Mapping",
    "Node",
    "Path",
    "Scalar",
    "Sequence",
    "Where",
    "dotted",
    "leaves",
    "node_at",
    "plain",
    "position",
]

Path = tuple[str | int, ...]


@dataclass(frozen=True)
class Where:
    """A position: a file with line and column (both from 1), or an argument without."""

    source: str
    line: int | None = None
    column: int | None = None

    def __str__(self) -> str:
        return ":".join(str(part) for part in (self.source, self.line, self.column) if part is not None)


@dataclass(frozen=True)
class Scalar:
    """One value; ``text`` is what the user wrote. Only a program can give an object in memory."""

    where: Where
    value: Value | Live
    text: str


@dataclass(frozen=True)
class Sequence:
    """A list."""

    where: Where
    items: list[Node] = field(default_factory=list)


@dataclass(frozen=True)
class Entry:
    """A key's position and its value."""

    where: Where
    node: Node


@dataclass(frozen=True)
class Mapping:
    """Keys and values, in the order of the text."""

    where: Where
    entries: dict[str, Entry] = field(default_factory=dict)


Node = Mapping | Sequence | Scalar


def plain(node: Node) -> Any:
    """The node as dictionaries, lists and values."""
    if isinstance(node, Mapping):
        return {key: plain(entry.node) for key, entry in node.entries.items()}
    if isinstance(node, Sequence):
        return [plain(item) for item in node.items]
    return node.value


def dotted(path: Path) -> str:
    """The path as it is written on a command line: ``train.optimizer.lr``."""
    return ".".join(str(part) for part in path)


def node_at(root: Node, path: Path) -> Node | None:
    """The node at this path; None where nothing is written."""
    node: Node = root
    for part in path:
        if isinstance(node, Mapping) and isinstance(part, str) and part in node.entries:
            node = node.entries[part].node
        elif isinstance(node, Sequence) and isinstance(part, int) and part < len(node.items):
            node = node.items[part]
        else:
            return None
    return node


def position(root: Node, path: Path, *, key: bool = False) -> Where:
    """Where the value at this path (or its key) stands; where it is not written, its nearest parent."""
    node, where = root, root.where
    for depth, part in enumerate(path):
        if isinstance(node, Mapping) and isinstance(part, str) and part in node.entries:
            entry = node.entries[part]
            node, where = entry.node, entry.node.where
            if key and depth == len(path) - 1:
                return entry.where
        elif isinstance(node, Sequence) and isinstance(part, int) and part < len(node.items):
            node = node.items[part]
            where = node.where
        else:
            break
    return where


def leaves(node: Node, path: Path = ()) -> Iterator[tuple[Path, Scalar]]:
    """All leaves with their paths."""
    if isinstance(node, Scalar):
        yield path, node
    elif isinstance(node, Mapping):
        for key, entry in node.entries.items():
            yield from leaves(entry.node, (*path, key))
    else:
        for index, item in enumerate(node.items):
            yield from leaves(item, (*path, index))
