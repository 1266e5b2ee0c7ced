"""Whole numbers among options that nothing bounds from above: a slip of the pen makes of them endless work."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from si_core.discovery.options import options_schema

__all__ = ["unbounded_integers", "unbounded_options"]

_BOUNDS = {"maximum", "exclusiveMaximum", "enum", "const"}


def unbounded_options(cls: type[Any], context: Collection[str] = ()) -> list[str]:
    """The options of a component that are whole numbers, or hold some, without an upper bound; ``shape[]`` of a list.

    Args:
        cls: the component's class.
        context: names of constructor parameters that the builder supplies.

    Raises:
        PluginError: the constructor has types that can't be options.
    """
    return unbounded_integers(options_schema(cls, context))


def unbounded_integers(schema: Mapping[str, Any]) -> list[str]:
    """The same of the JSON schema of a mapping, by dotted path."""
    return list(dict.fromkeys(_open(schema, "", schema.get("$defs", {}), frozenset())))


def _open(schema: Any, path: str, definitions: Mapping[str, Any], seen: frozenset[str]) -> Iterator[str]:
    if not isinstance(schema, Mapping):
        return
    name = str(schema.get("$ref", "")).rpartition("/")[2]
    if name:
        if name not in seen:
            yield from _open(definitions[name], path, definitions, seen | {name})
        return
    if schema.get("type") == "integer" and not _BOUNDS & schema.keys():
        yield path
    for choice in (key for key in ("anyOf", "oneOf", "allOf") if key in schema):
        for one in schema[choice]:
            yield from _open(one, path, definitions, seen)
    for key, inner in schema.get("properties", {}).items():
        yield from _open(inner, f"{path}.{key}" if path else key, definitions, seen)
    for item in (schema.get("items"), *schema.get("prefixItems", ())):
        yield from _open(item, f"{path}[]", definitions, seen)
    yield from _open(schema.get("additionalProperties"), f"{path}.*" if path else "*", definitions, seen)
