"""Candidates: entries of the catalogue with what is at hand of their plugins.

The facts of a package in a folder come from its ``pyproject.toml`` and, asked in a process of its own, from its hook.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from si_authoring.checking.source_tree import SourceTree, read_source_tree
from si_core import PluginError
from si_core.public.discovery import CatalogueEntry, Plugin, installed_plugins

__all__ = ["Candidate", "candidates_of", "entry_of", "packages_beside", "state_of"]

_TIMEOUT = 120.0


@dataclass(frozen=True)
class Candidate:
    """An entry to judge.

    Args:
        entry: the entry.
        others: the other entries of its catalogue.
        tree: the plugin's package, where it lies in a folder.
        plugin: what is known of the plugin here: its state and components; None where it is not at hand.
    """

    entry: CatalogueEntry
    others: tuple[CatalogueEntry, ...]
    tree: SourceTree | None = None
    plugin: Mapping[str, Any] | None = None


def candidates_of(entries: tuple[CatalogueEntry, ...], root: Path) -> list[Candidate]:
    """The entries of a catalogue, with the packages that lie beside it or are installed.

    Args:
        entries: the entries.
        root: the folder that in-tree sources are relative to.
    """
    installed = {plugin.distribution: plugin for plugin in installed_plugins()}
    found = []
    for entry in entries:
        others = tuple(other for other in entries if other is not entry)
        folder = root / entry.source
        tree = read_source_tree(folder) if _is_local(entry.source) and folder.is_dir() else None
        plugin = installed.get(str(canonicalize_name(entry.name)))
        known = _known(plugin) if plugin is not None else state_of(tree) if tree is not None else None
        found.append(Candidate(entry, others, tree, known))
    return found


def packages_beside(root: Path) -> list[SourceTree]:
    """The plugins' packages in the folder ``plugins`` of a source tree, sorted."""
    return [read_source_tree(path.parent) for path in sorted((root / "plugins").glob("*/pyproject.toml"))]


def state_of(tree: SourceTree) -> Mapping[str, Any]:
    """What discovery says of a package in a folder: an entry of ``si plugins --json``.

    Raises:
        PluginError: it can't be asked.
    """
    with tree.environment() as environment:
        try:
            outcome = subprocess.run(
                [sys.executable, "-m", "si_core", "plugins", "--json"],
                capture_output=True,
                text=True,
                env=environment,
                timeout=_TIMEOUT,
            )
        except subprocess.TimeoutExpired as error:
            raise PluginError(f"hangs when it is imported ({_TIMEOUT:g} s)", where=str(tree.folder)) from error
    if outcome.returncode != 0:
        lines = outcome.stderr.strip().splitlines()
        raise PluginError(f"can't be imported: {lines[-1] if lines else 'no output'}", where=str(tree.folder))
    for plugin in json.loads(outcome.stdout):
        if plugin["distribution"] == tree.distribution:
            found: Mapping[str, Any] = plugin
            return found
    raise PluginError("is not found by discovery", where=str(tree.folder))


def entry_of(
    tree: SourceTree, known: Mapping[str, Any], root: Path | None, old: CatalogueEntry | None
) -> CatalogueEntry:
    """The entry of a package, from its own facts; what it does not say is kept from the old entry.

    Args:
        tree: the package.
        known: as from :func:`state_of`.
        root: the folder that in-tree sources are relative to; None for a package of its own.
        old: its entry so far.
    """
    project = tree.project
    components: dict[str, list[str]] = {}
    for component in known["components"]:
        components.setdefault(component["kind"], []).append(component["name"])
    local = root is not None and tree.folder.is_relative_to(root)
    return CatalogueEntry(
        name=tree.distribution,
        summary=str(project.get("description", "")),
        source=tree.folder.relative_to(root).as_posix() if root is not None and local else _url(project),
        install=old.install if old is not None else f"pip install {tree.distribution}",
        requires=_core_range(project.get("dependencies", ())),
        licence=_licence(project.get("license", "")),
        status=old.status if old is not None else "official" if local else "community",
        maintainers=old.maintainers if old is not None else _people(project),
        components={kind: tuple(names) for kind, names in components.items()},
        commands=tuple(known["commands"]),
        sections=tuple(known["sections"]),
        replaced_by=old.replaced_by if old is not None else None,
    )


def _known(plugin: Plugin) -> Mapping[str, Any]:
    return {
        "state": plugin.status,
        "cause": plugin.cause,
        "seconds": plugin.seconds,
        "components": [{"kind": each.kind, "name": each.name} for each in plugin.components],
        "commands": [each.name for each in plugin.commands],
        "sections": [kind.section for kind in plugin.kinds if kind.section is not None],
    }


def _is_local(source: str) -> bool:
    return "://" not in source


def _url(project: Mapping[str, Any]) -> str:
    urls = {key.lower(): value for key, value in project.get("urls", {}).items()}
    return str(next((urls[key] for key in ("source", "repository", "homepage") if key in urls), ""))


def _core_range(lines: Iterable[str]) -> str:
    for line in lines:
        try:
            requirement = Requirement(line)
        except InvalidRequirement:
            continue  # said by whoever installs it
        if canonicalize_name(requirement.name) == "si-core":
            return "".join(line.partition(requirement.name)[2].split())
    return ""


def _licence(value: object) -> str:
    return str(value.get("text", "")) if isinstance(value, dict) else str(value)


def _people(project: Mapping[str, Any]) -> tuple[str, ...]:
    people = [*project.get("maintainers", []), *project.get("authors", [])]
    return tuple(dict.fromkeys(str(person["name"]) for person in people if "name" in person))
