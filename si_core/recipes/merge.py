"""Laying one recipe over another.

Mappings merge key by key; everything else is replaced. At a selection a bare name, or an object in memory, is
``{use: name}``, and a changed ``use`` drops the old options, which belong to another component; ``dist/name`` written
for ``name`` is no change where that is whom the name means. Every value keeps the position it was written at.
"""

from __future__ import annotations

from si_core.recipes.live import IN_MEMORY, Live
from si_core.recipes.nodes import Entry, Mapping, Node, Path, Scalar
from si_core.recipes.owners import same_component
from si_core.recipes.sections import default_use

__all__ = ["as_mapping", "merge"]


def merge(base: Node, top: Node, path: Path = ()) -> Node:
    """The nodes of ``top`` over those of ``base``; neither is changed."""
    default = default_use(path)
    if default is not None:
        base, top = as_mapping(base), as_mapping(top)
    if not (isinstance(base, Mapping) and isinstance(top, Mapping)):
        return top
    if "use" in top.entries and not _same_use(path, base, top, default):
        return top
    entries = dict(base.entries)
    for key, entry in top.entries.items():
        old = entries.get(key)
        entries[key] = Entry(entry.where, merge(old.node, entry.node, (*path, key)) if old else entry.node)
    # A mapping that only an argument opened still stands in its file.
    return Mapping(top.where if top.where.line is not None else base.where, entries)


def as_mapping(node: Node) -> Node:
    """A bare name or an object in memory as ``{use: name}``; any other node as it is."""
    if isinstance(node, Scalar) and isinstance(node.value, str | Live):
        return Mapping(node.where, {"use": Entry(node.where, node)})
    return node


def _same_use(path: Path, base: Mapping, top: Mapping, default: str | None) -> bool:
    """Whether both select one component: by equal names, or by names of which one only adds the owner."""
    one, other = _use(base, default), _use(top, default)
    if one == other or not (isinstance(one, str) and isinstance(other, str)):
        return one == other
    if one.rpartition("/")[2] != other.rpartition("/")[2]:
        return False
    return same_component(path, base, top, (one, other))


def _use(node: Mapping, default: str | None) -> object:
    entry = node.entries.get("use") or node.entries.get(IN_MEMORY)
    if entry is None:
        return default
    return entry.node.value if isinstance(entry.node, Scalar) else None
