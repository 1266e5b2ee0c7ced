"""``si show KIND NAME``: one component and its options, importing its class; ``si show train``: keys of recipes."""

from __future__ import annotations

import argparse
import json
from typing import Any

from si_core.cli.folding import print_text
from si_core.cli.keys import SECTIONS, places_of, print_keys
from si_core.cli.tables import print_json, print_table
from si_core.discovery.docstrings import without_arguments
from si_core.discovery.kinds import KINDS
from si_core.discovery.lookup import Found, find, load_class
from si_core.errors import UsageError

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command and add its arguments."""
    parser.description = (
        "Show what one component is and its options, which are its keys in a recipe: si show latent brownian. "
        "With recipe, train or sample and no name: the keys of a recipe or of that section, such as: si show train"
    )
    parser.add_argument("kind", metavar="KIND", help=", ".join([*KINDS, *SECTIONS]))
    parser.add_argument("name", metavar="NAME", nargs="?", help="its name as in 'si list', or DISTRIBUTION/NAME")
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(arguments: argparse.Namespace) -> int:
    """Print the component."""
    if arguments.name is None:
        if arguments.kind not in SECTIONS:
            raise _without_name(arguments.kind)
        print_keys(arguments.kind, arguments.json)
        return 0
    found = find(arguments.kind, arguments.name)
    cls = load_class(found)
    options = _options(cls, KINDS[arguments.kind].context)
    if arguments.json:
        print_json(_entry(found, without_arguments(cls), options))
        return 0
    print(f"{found.component.kind} {found.component.name} ({found.plugin.label})")
    for text in (found.component.summary, without_arguments(cls)):
        if text:
            print_text(f"\n{text}")
    if places := places_of(arguments.kind):
        print(f"\nIn recipes: {' or '.join(places)}")
    print(f"\nOptions of {found.component.name}:" if options else "\nIt has no options.")
    print_table(
        [(name, option["allowed"], _default(option), option["description"]) for name, option in options.items()],
        header=("option", "allowed", "default", "meaning") if options else (),
        indent="  ",
    )
    return 0


def _without_name(kind: str) -> UsageError:
    from si_core.cli.hints import component_named

    meant = None if kind in KINDS else component_named(kind)
    allowed = None if kind in KINDS or meant else ", ".join(SECTIONS)
    fix = f"si list {kind}, for the names" if kind in KINDS else meant or "si list, for kinds and names"
    return UsageError("si show: the following arguments are required: NAME", allowed=allowed, got=repr(kind), fix=fix)


def _options(cls: type[Any], context: tuple[str, ...]) -> dict[str, dict[str, Any]]:
    from si_core.discovery.options import options_schema
    from si_core.discovery.schema_text import allowed_text

    schema = options_schema(cls, context)
    further = schema.get("additionalProperties")
    entries = {**schema.get("properties", {}), **({"(any other key)": further} if isinstance(further, dict) else {})}
    return {
        name: {
            "required": name in schema.get("required", ()),
            "default": entry.get("default"),
            "allowed": allowed_text(entry, schema),
            "description": entry.get("description", ""),
        }
        for name, entry in entries.items()
    }


def _default(option: dict[str, Any]) -> str:
    return "(required)" if option["required"] else json.dumps(option["default"], ensure_ascii=False)


def _entry(found: Found, text: str, options: dict[str, dict[str, Any]]) -> dict[str, Any]:
    return {
        "kind": found.component.kind,
        "name": found.component.name,
        "distribution": found.plugin.distribution,
        "version": found.plugin.version,
        "target": found.component.target,
        "summary": found.component.summary,
        "text": text,
        "options": options,
    }
