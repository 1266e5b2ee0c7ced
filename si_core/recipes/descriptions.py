"""What a JSON schema allows, in words: ``an integer from 1 to 10000000``; and what a value is."""

from __future__ import annotations

from typing import Any

from si_core.recipes.live import Live
from si_core.recipes.nodes import Mapping, Node, Scalar, Sequence

__all__ = ["NO_BOOLS", "allowed", "described", "remedy"]

NO_BOOLS = ("yes", "on", "y", "no", "off", "n")
"""Texts that other readers of YAML take for true or false, and a recipe does not."""

_TYPES = {
    "integer": "an integer",
    "number": "a finite number",
    "string": "text",
    "boolean": "true or false",
    "null": "null",
}


def allowed(schema: dict[str, Any], root: dict[str, Any]) -> str:
    """The values a fragment of the schema ``root`` allows."""
    if "$ref" in schema:
        return allowed(root["$defs"][schema["$ref"].rsplit("/", 1)[1]], root)
    if "x-select" in schema:
        return str(schema["x-form"])
    if "discriminator" in schema:
        return "a mapping {use: name, ...options}"
    if "const" in schema:
        return str(schema["const"])
    if "enum" in schema:
        return ", ".join(str(value) for value in schema["enum"])
    choices = schema.get("anyOf") or schema.get("oneOf")
    if choices:
        return " or ".join(dict.fromkeys(allowed(choice, root) for choice in choices))
    kind = schema.get("type")
    if kind == "array":
        return f"a list{_size(schema)}, each item {allowed(schema.get('items', {}), root)}"
    if kind == "object":
        return "a mapping"
    return f"{_TYPES.get(str(kind), 'any value')}{_range(schema)}"


def _range(schema: dict[str, Any]) -> str:
    low, high = schema.get("minimum"), schema.get("maximum")
    if low is not None and high is not None:
        return f" from {low} to {high}"
    bounds = (("minimum", ">="), ("exclusiveMinimum", ">"), ("maximum", "<="), ("exclusiveMaximum", "<"))
    return "".join(f" {sign} {schema[key]}" for key, sign in bounds if key in schema).replace(" <", " and <")


def _size(schema: dict[str, Any]) -> str:
    low, high = schema.get("minItems"), schema.get("maxItems")
    if low == high:
        return "" if low is None else f" of {low}"
    bounds = (("at least", low), ("at most", high))
    texts = [f"{word} {bound}" for word, bound in bounds if bound is not None]
    return f" of {' and '.join(texts)}"


def described(node: Node) -> str:
    """The value as it was written, with its type."""
    if isinstance(node, Mapping):
        return "a mapping"
    if isinstance(node, Sequence):
        return f"a list of {len(node.items)}"
    text = node.text if len(node.text) <= 60 else node.text[:57] + "..."
    match node.value:
        case None:
            return "null"
        case bool():
            return f"{text} (true or false)"
        case int():
            return f"{text} (an integer)"
        case float():
            return f"{text} (a number)"
        case Live():
            return text
    return f"{text!r} (text)"


def remedy(node: Node, wanted: str) -> str | None:
    """What to write instead, where a slip is easy to see; ``wanted`` are the words of :func:`allowed`."""
    if not isinstance(node, Scalar):
        return None
    value, text = node.value, node.text
    if value is None and wanted == "a mapping":
        return "remove the key, or write {}"
    if wanted.startswith("a list"):
        return f"write [{text[:60]}]"
    if isinstance(value, float) and value.is_integer() and "an integer" in wanted and abs(value) < 1e18:
        return f"write {int(value)}"
    if not isinstance(value, str):
        return None
    if "true or false" in wanted and text.lower() in NO_BOOLS:
        return f"write {'true' if text.lower() in ('yes', 'on', 'y') else 'false'}"
    if "integer" in wanted or "number" in wanted:
        return _number_remedy(text)
    return None


def _number_remedy(text: str) -> str | None:
    bare = text.strip().replace("_", "").replace(" ", "")
    try:
        float(bare)
    except ValueError:
        return None
    return f"write {bare}, without quotes" if bare == text else f"write {bare}"
