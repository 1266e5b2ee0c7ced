"""The gallery: the plugins of the catalogue, by what they offer and one by one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from _site.markup import cell, code
from si_core.discovery.available import available
from si_core.discovery.catalogue import CatalogueEntry, catalogue
from si_core.discovery.commands import all_commands
from si_core.discovery.kinds import KINDS

__all__ = ["pages"]

_HEAD = """# Gallery of plugins

Every part is a plugin's. Here are those that the catalogue (`registry.yaml`) lists, as it stood when this page was
made; `si plugins --available` prints those that you lack, and an error about a part that is not installed names the
plugin that has it. Listing is not endorsement: an installed plugin is code, and trusted like any package.

**How to get listed.** Publish your package, then let `si registry --check ./si-mine` apply the guidelines. It says what
is missing, and prints the entry: propose that for `registry.yaml`, with your address and name. Names need not be
unique: a part of yours that is called as another's is written `si-mine/name`.
[Writing and publishing a part](../learn/plugin.md).
"""


def pages() -> dict[str, str]:
    """The page by its name."""
    entries = catalogue()
    words = [_HEAD, "## By what they offer\n", _by_kind(entries), "## Plugin by plugin\n"]
    return {"gallery.md": "\n".join([*words, *map(_plugin, entries)])}


def _by_kind(entries: Sequence[CatalogueEntry]) -> str:
    """A list and no table: names wrap on a narrow screen."""
    offered: dict[str, list[str]] = {}
    for entry in entries:
        for kind, names in entry.components.items():
            offered.setdefault(kind, []).append(f"{_links(kind, names)} ([{entry.name}](#{entry.name}))")
        if entry.commands:
            names = ", ".join(map(_command, entry.commands))
            offered.setdefault("commands", []).append(f"{names} ([{entry.name}](#{entry.name}))")
    order = [*KINDS, *sorted(set(offered) - {*KINDS, "commands"}), "commands"]
    of = {kind: f": {KINDS[kind].summary}" if kind in KINDS else "" for kind in order}
    return "\n".join(f"- **{kind}**{of[kind]}. {'; '.join(offered[kind])}." for kind in order if kind in offered) + "\n"


def _plugin(entry: CatalogueEntry) -> str:
    facts: Mapping[str, str] = {
        "Status": cell(entry.status) + (f", in its place {cell(entry.replaced_by)}" if entry.replaced_by else ""),
        "Licence": cell(entry.licence),
        "Maintainers": cell(", ".join(entry.maintainers)),
        "Source": f"<{entry.source}>" if "://" in entry.source else code(entry.source),
        "For si-core": code(entry.requires),
    }
    offered = {kind: _links(kind, names) for kind, names in entry.components.items()}
    offered |= {"commands": ", ".join(map(_command, entry.commands))} if entry.commands else {}
    offered |= {"sections of recipes": ", ".join(map(code, entry.sections))} if entry.sections else {}
    words = [f"### {entry.name}\n", f"{cell(entry.summary)}.\n", f"```bash\n{entry.install}\n```\n"]
    words.append("; ".join(f"{name}: {value}" for name, value in facts.items()) + ".\n")
    words += [f"- {name}: {value}" for name, value in offered.items()]
    return "\n".join(words) + "\n"


def _links(kind: str, names: Sequence[str]) -> str:
    """Names of components, linked where the reference has them: where their plugin is installed when it is made."""
    known = {found.component.name for found in available(kind)} if kind in KINDS else set()
    return ", ".join(f"[{name}](#{kind}-{name})" if name in known else code(name) for name in names)


def _command(name: str) -> str:
    return f"[si {name}](commands.md#si-{name})" if name in all_commands() else code(f"si {name}")
