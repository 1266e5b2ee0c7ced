"""The recipe's own schema at a path: which keys are known there, and what a value may be."""

from __future__ import annotations

import functools
from typing import Any

from si_core.recipes.descriptions import allowed
from si_core.recipes.nodes import Mapping, Node, Path, Scalar, node_at
from si_core.recipes.schema import Sections
from si_core.recipes.sections import sections_model

__all__ = ["fragment_at", "own_schema", "properties_at", "section_schema", "wanted_at"]


def own_schema() -> dict[str, Any]:
    """The JSON schema of the recipe's own keys and sections; a selection is marked ``x-select: kind``."""
    return _schema(sections_model())


def section_schema(section: str) -> dict[str, Any]:
    """The part of it for a whole ``recipe``, or for one of its sections that select no component."""
    root = own_schema()
    found: dict[str, Any] = root if section == "recipe" else root["$defs"][section.capitalize()]
    return found


@functools.cache
def _schema(model: type[Sections]) -> dict[str, Any]:
    return model.model_json_schema(by_alias=True)


def wanted_at(root: Mapping, path: Path) -> str:
    """What is allowed at this path, in words; empty for an option of a component."""
    if not path:
        return "a mapping"
    if isinstance(path[-1], int):
        parent = fragment_at(root, path[:-1])
        return allowed(parent.get("items", {}), own_schema()) if "items" in parent else ""
    fragment = properties_at(root, path[:-1]).get(path[-1])
    return allowed(fragment, own_schema()) if fragment else ""


def properties_at(root: Mapping, path: Path) -> dict[str, Any]:
    """The known keys at this path with their schemas."""
    fragment = fragment_at(root, path)
    properties: dict[str, Any] = fragment.get("properties", {})
    return properties


def fragment_at(root: Mapping, path: Path) -> dict[str, Any]:
    """The schema at this path; where it depends on ``use``, that of the one chosen."""
    schema, fragment = own_schema(), own_schema()
    for depth in range(len(path) + 1):
        if depth:
            part = path[depth - 1]
            fragment = (
                fragment.get("items", {}) if isinstance(part, int) else fragment.get("properties", {}).get(part, {})
            )
        while any(key in fragment for key in ("$ref", "anyOf", "oneOf")):
            fragment = _resolved(fragment, schema, node_at(root, path[:depth]))
    return fragment


def _resolved(fragment: dict[str, Any], schema: dict[str, Any], node: Node | None) -> dict[str, Any]:
    if "$ref" in fragment:
        found: dict[str, Any] = schema["$defs"][fragment["$ref"].rsplit("/", 1)[1]]
        return found
    if "discriminator" in fragment:
        mapping = fragment["discriminator"]["mapping"]
        entry = node.entries.get("use") if isinstance(node, Mapping) else None
        use = entry.node if entry else node
        name = use.value if isinstance(use, Scalar) else None
        return {"$ref": mapping[name] if name in mapping else next(iter(mapping.values()))}
    choices = fragment.get("anyOf") or fragment.get("oneOf") or [{}]
    deep = [choice for choice in choices if any(key in choice for key in ("$ref", "oneOf", "items", "properties"))]
    chosen: dict[str, Any] = deep[0] if deep else {}
    return chosen
