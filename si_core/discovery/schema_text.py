"""JSON schemas in words: what is allowed for a value, for errors and for ``si show``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

__all__ = ["allowed_at", "allowed_text", "choices_at"]

_TYPES = {
    "boolean": "true or false",
    "integer": "a whole number",
    "null": "null",
    "number": "a finite number",
    "object": "a mapping",
    "string": "text",
}
_BOUNDS = {
    "exclusiveMinimum": ">",
    "minimum": ">=",
    "exclusiveMaximum": "<",
    "maximum": "<=",
    "multipleOf": "multiple of",
}


def allowed_text(schema: Mapping[str, Any], root: Mapping[str, Any] | None = None) -> str:
    """Return in words what a JSON schema allows: ``"a finite number > 0, or null"``.

    Args:
        schema: schema of one value.
        root: schema that holds its definitions.
    """
    root = schema if root is None else root
    schema = _resolved(schema, root)
    if "anyOf" in schema:
        return ", or ".join(dict.fromkeys(allowed_text(branch, root) for branch in schema["anyOf"]))
    if "x-form" in schema:
        return str(schema["x-form"])
    if "enum" in schema or "const" in schema:
        choices = schema.get("enum", [schema.get("const")])
        return ("one of " if len(choices) > 1 else "") + ", ".join(repr(choice) for choice in choices)
    if schema.get("type") == "array":
        return _array_text(schema, root)
    text = "a path" if schema.get("format") == "path" else _TYPES.get(schema.get("type", ""), "a Python object")
    of = {key: schema[key] for key in _BOUNDS if key in schema}
    bounds = [f"{_BOUNDS[key]} {bound if isinstance(bound, int) else format(bound, 'g')}" for key, bound in of.items()]
    if "pattern" in schema:
        bounds.append(f"of the form {schema['pattern']}")
    return " ".join([text, " and ".join(bounds)]).strip()


def allowed_at(path: tuple[str | int, ...], root: Mapping[str, Any]) -> str:
    """Return in words what is allowed at ``path`` (keys and list positions); empty if the schema doesn't reach it."""
    return ", or ".join(dict.fromkeys(allowed_text(schema, root) for schema in _schemas_at(path, root)))


def choices_at(path: tuple[str | int, ...], root: Mapping[str, Any]) -> list[str]:
    """Return the words to choose from at ``path``, for suggestions."""
    branches = _branches(_schemas_at(path, root), root)
    values = [choice for branch in branches for choice in [*branch.get("enum", []), branch.get("const")]]
    return [value for value in values if isinstance(value, str)]


def _array_text(schema: Mapping[str, Any], root: Mapping[str, Any]) -> str:
    if "prefixItems" in schema:
        return f"a list [{', '.join(allowed_text(item, root) for item in schema['prefixItems'])}]"
    low, high = schema.get("minItems"), schema.get("maxItems")
    if low is not None and high is not None:
        length = f" of {low} items" if low == high else f" of {low} to {high} items"
    else:
        length = "".join(f" of {word} {n} items" for word, n in (("at least", low), ("at most", high)) if n is not None)
    items = schema.get("items")
    return f"a list{length}" + (f", each {allowed_text(items, root)}" if items else "")


def _schemas_at(path: tuple[str | int, ...], root: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return the schemas of all union branches that reach ``path``."""
    found: list[Mapping[str, Any]] = [root]
    for step in path:
        reached: list[Mapping[str, Any]] = []
        for schema in _branches(found, root):
            prefix = schema.get("prefixItems", [])
            if isinstance(step, str):
                inner = schema.get("properties", {}).get(step, schema.get("additionalProperties"))
            else:
                inner = prefix[step] if step < len(prefix) else schema.get("items")
            if isinstance(inner, Mapping):
                reached.append(inner)
        found = reached
    return found


def _branches(schemas: Sequence[Mapping[str, Any]], root: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    flat: list[Mapping[str, Any]] = []
    for schema in schemas:
        inner = _resolved(schema, root)
        flat += _branches(inner["anyOf"], root) if "anyOf" in inner else [inner]
    return flat


def _resolved(schema: Mapping[str, Any], root: Mapping[str, Any]) -> Mapping[str, Any]:
    while "$ref" in schema:
        schema = root.get("$defs", {}).get(schema["$ref"].rpartition("/")[2], {})
    return schema
