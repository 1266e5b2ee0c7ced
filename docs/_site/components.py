"""The reference of components: a page for each kind, with its interface and every installed component of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from _site.markup import cell, code, plain, rst, table
from si_core.cli.keys import places_of
from si_core.discovery.available import Found, available
from si_core.discovery.docstrings import without_arguments
from si_core.discovery.kind import Kind
from si_core.discovery.kinds import KINDS
from si_core.discovery.lookup import load_class
from si_core.discovery.options import options_schema
from si_core.discovery.schema_text import allowed_text

__all__ = ["pages"]


def pages() -> dict[str, str]:
    """The pages by their names."""
    kinds = sorted(KINDS.values(), key=lambda kind: kind.name)
    found = {f"components/{kind.name}.md": _page(kind) for kind in kinds}
    rows = [
        (f"[{kind.name}]({kind.name}.md)", cell(kind.summary), ", ".join(map(code, _names(kind.name))))
        for kind in kinds
    ]
    toc = "\n".join(kind.name for kind in kinds)
    found["components/index.md"] = (
        "# Components\n\nEvery part of a recipe is a component of a kind. Here stands what `si list` and "
        "`si show KIND NAME` tell of an installation with all our plugins.\n\n"
        f"{table(('kind', 'what it is', 'components'), rows)}\n```{{toctree}}\n:hidden:\n\n{toc}\n```\n"
    )
    return found


def _names(kind: str) -> list[str]:
    return [found.component.name for found in available(kind)]


def _page(kind: Kind) -> str:
    places = places_of(kind.name)
    words = [f"# {kind.name}\n", f"{kind.summary[:1].upper()}{kind.summary[1:]}.\n"]
    if places:
        words.append(f"In recipes: {' or '.join(map(code, places))}.\n")
    words += [_component(found) for found in available(kind.name)]
    module, _, name = kind.interface.partition(":")
    if not module.startswith("torch"):
        words += [
            "## Interface\n",
            f"What an author of a component of this kind writes. {_example(kind.name)}\n",
            f"```{{eval-rst}}\n.. autoclass:: {module}.{name}\n   :members:\n   :member-order: bysource\n"
            "   :no-index:\n```\n",
        ]
    return "\n".join(words)


def _example(kind: str) -> str:
    """The link to the page for authors, which kinds of others have elsewhere."""
    page = Path(__file__).parents[1] / "authors" / f"{kind}.md"
    return f"[A page with an example](../../authors/{kind}.md)." if page.is_file() else ""


def _component(found: Found) -> str:
    cls = load_class(found)
    options = _options(cls, KINDS[found.component.kind].context)
    title = f"({found.component.kind}-{found.component.name})=\n## {found.component.name}\n"
    words = [title, f"{cell(found.component.summary)} ({found.plugin.distribution}).\n", rst(without_arguments(cls))]
    words.append(table(("option", "allowed", "default", "meaning"), options) if options else "It has no options.\n")
    return "\n".join(words)


def _options(cls: type[Any], context: tuple[str, ...]) -> list[tuple[str, str, str, str]]:
    schema = options_schema(cls, context)
    return [
        (
            code(name),
            cell(allowed_text(entry, schema)),
            "required" if name in schema.get("required", ()) else code(plain(entry.get("default"))),
            cell(entry.get("description", "")),
        )
        for name, entry in schema.get("properties", {}).items()
    ]
