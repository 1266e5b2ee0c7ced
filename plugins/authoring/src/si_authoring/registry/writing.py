"""Entries of the catalogue as text, and the catalogue of a source tree written anew."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from si_authoring.registry.candidates import entry_of, packages_beside, state_of
from si_core import PluginError, UsageError
from si_core.public.discovery import SCHEMA, CatalogueEntry, read_catalogue
from si_core.public.recipes import inline

__all__ = ["catalogue_text", "entry_text", "written_anew"]

_HEAD = "# The catalogue of known plugins: facts only. Listing is not endorsement.\n"


def entry_text(entry: CatalogueEntry) -> str:
    """One entry as YAML."""
    lines = [f"  - name: {inline(entry.name)}"]
    for key in ("summary", "source", "install", "requires", "licence", "status"):
        lines.append(f"    {key}: {inline(getattr(entry, key))}")
    if entry.replaced_by is not None:
        lines.append(f"    replaced_by: {inline(entry.replaced_by)}")
    lines.append(f"    maintainers: {inline(list(entry.maintainers))}")
    if entry.components:
        lines.append("    components:")
        lines += [f"      {kind}: {inline(list(names))}" for kind, names in entry.components.items()]
    else:
        lines.append("    components: {}")
    for key in ("commands", "sections"):
        if names := getattr(entry, key):
            lines.append(f"    {key}: {inline(list(names))}")
    return "\n".join(lines) + "\n"


def catalogue_text(entries: Iterable[CatalogueEntry]) -> str:
    """A catalogue as YAML, sorted by name."""
    listed = sorted(entries, key=lambda entry: entry.name)
    return f"{_HEAD}schema: {SCHEMA}\nplugins:\n" + "".join(map(entry_text, listed))


def written_anew(path: Path) -> str:
    """The text of the catalogue of a source tree, with the entries of the packages beside it made from their facts.

    Entries of plugins that live elsewhere stay as they are.

    Args:
        path: the catalogue, in the root of the source tree.

    Raises:
        UsageError: no packages lie beside it.
        PluginError: the catalogue can't be read, or a package is not ready.
    """
    root = path.resolve().parent
    trees = packages_beside(root)
    if not trees:
        raise UsageError(
            "no plugins' packages lie beside this catalogue: there is nothing to write it from",
            where=str(path),
            allowed="a catalogue in the root of a source tree, with packages in its folder plugins/",
        )
    old = {entry.name: entry for entry in read_catalogue(path)} if path.is_file() else {}
    entries = {name: entry for name, entry in old.items() if "://" in entry.source}
    for tree in trees:
        known = state_of(tree)
        if known["state"] not in ("ready", "clash"):
            raise PluginError(f"it is {known['state']}: {known['cause']}", where=str(tree.folder), fix=known["fix"])
        entries[tree.distribution] = entry_of(tree, known, root, old.get(tree.distribution))
    return catalogue_text(entries.values())
