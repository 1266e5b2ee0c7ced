"""The JSON schema of recipes for editors: the recipe's own keys, and the components that are installed here."""

from __future__ import annotations

import copy
from typing import Any

from si_core.discovery import lookup, options
from si_core.discovery.available import available
from si_core.discovery.kinds import KINDS
from si_core.errors import SIError
from si_core.recipes.fragments import own_schema

__all__ = ["recipe_json_schema"]


def recipe_json_schema() -> dict[str, Any]:
    """The schema (JSON Schema 2020-12); components whose class can't be imported are left out."""
    schema = copy.deepcopy(own_schema())
    definitions: dict[str, Any] = schema.setdefault("$defs", {})
    uses: dict[tuple[str, str | None], str] = {}
    schema["properties"] = {
        "extends": {
            "type": ["string", "null"],
            "description": "recipe this one is laid over: a file or a built-in name",
        },
        "base": {
            "type": ["string", "null"],
            "description": "folder where relative paths start, told from this file; null for the file's own",
        },
        **schema["properties"],
    }
    # A key may come from the recipe that is extended.
    schema.pop("required", None)
    replaced: dict[str, Any] = _select(schema, uses)
    definitions = replaced["$defs"]
    done: set[str] = set()
    while missing := {key: name for key, name in uses.items() if name not in done}:
        # Components may be made of components of further kinds.
        for (kind, default), name in missing.items():
            definitions[name] = _select(_of_kind(kind, default, definitions), uses)
            done.add(name)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **replaced, "title": "si recipe"}


def _select(node: Any, uses: dict[tuple[str, str | None], str]) -> Any:
    """The schema with each mark of a selection replaced by a reference to the kind's definition."""
    if isinstance(node, list):
        return [_select(item, uses) for item in node]
    if not isinstance(node, dict):
        return node
    if "x-select" in node:
        kind, default = node["x-select"], node["x-default"]
        rest = {key: item for key, item in node.items() if not key.startswith("x-")}
        return {**rest, "$ref": f"#/$defs/{uses.setdefault((kind, default), f'select-{kind}')}"}
    return {key: _select(item, uses) for key, item in node.items()}


def _of_kind(kind: str, default: str | None, definitions: dict[str, Any]) -> dict[str, Any]:
    """A bare name, or a mapping for each installed component."""
    names, choices = [], []
    for found in available(kind):
        name = found.component.name
        label = f"{found.plugin.distribution}/{name}"
        try:
            fragment = copy.deepcopy(options.options_schema(lookup.load(kind, label), KINDS[kind].context))
        except SIError:
            # One broken component must not cost the help for all others; `si plugins` tells about it.
            continue
        inner = fragment.pop("$defs", {})
        prefix = f"{kind}-{found.plugin.distribution}-{name}-"
        definitions |= {prefix + key: _renamed(value, prefix) for key, value in inner.items()}
        fragment = _renamed(fragment, prefix)
        shared = {"shared": {"type": "boolean", "default": True}} if kind == "network" else {}
        names += [name, label]
        choices.append(
            {
                "type": "object",
                "title": name,
                "description": found.component.summary,
                "properties": {"use": {"enum": [name, label]}, **shared, **fragment.get("properties", {})},
                "required": [*([] if name == default else ["use"]), *fragment.get("required", [])],
                "additionalProperties": fragment.get("additionalProperties", False),
            }
        )
    return {"anyOf": [{"enum": sorted(set(names))}, *choices]}


def _renamed(node: Any, prefix: str) -> Any:
    """The fragment with its references pointing at definitions of that prefix."""
    if isinstance(node, list):
        return [_renamed(item, prefix) for item in node]
    if not isinstance(node, dict):
        return node
    return {
        key: item.replace("#/$defs/", f"#/$defs/{prefix}")
        if key == "$ref" and isinstance(item, str)
        else _renamed(item, prefix)
        for key, item in node.items()
    }
