"""The catalogue of known plugins, ``registry.yaml``: who provides a component that is not installed.

The file lies inside the installed package, or at the root of the source tree. It holds facts only; nothing in it is
imported or run. It is read when a look-up fails, strictly: every scalar is text, and aliases, tags, equal keys and
unknown keys are refused.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from si_core.errors import PluginError

if TYPE_CHECKING:
    import yaml

__all__ = ["CatalogueEntry", "catalogue", "catalogue_path", "providers", "read_catalogue"]

SCHEMA = "1"
_REQUIRED = ("name", "summary", "source", "install", "requires", "licence", "status", "maintainers", "components")
_LISTS = ("commands", "sections")
_TAGS = ("str", "int", "float", "bool", "null", "timestamp", "merge", "seq", "map")  # what YAML finds by itself
_STATUSES = ("official", "community", "deprecated")


@dataclass(frozen=True)
class CatalogueEntry:
    """One plugin of the catalogue.

    Args:
        name: its distribution, such as ``"si-integrators"``.
        summary: one line.
        source: path in this repository, or URL.
        install: command line that installs it; shown verbatim, never run.
        requires: range of si-core versions.
        licence: SPDX expression.
        status: ``official``, ``community`` or ``deprecated``.
        maintainers: names or handles.
        components: names by kind.
        commands: names of the commands it adds to ``si``.
        sections: keys of recipes that its kinds own.
        replaced_by: for a deprecated plugin, the distribution to use instead.
    """

    name: str
    summary: str
    source: str
    install: str
    requires: str
    licence: str
    status: str
    maintainers: tuple[str, ...]
    components: Mapping[str, tuple[str, ...]] = field(hash=False)
    commands: tuple[str, ...] = ()
    sections: tuple[str, ...] = ()
    replaced_by: str | None = None


def catalogue_path() -> Path:
    """Return where the catalogue of this si-core lies.

    Raises:
        PluginError: it is missing.
    """
    package = Path(__file__).resolve().parents[1]
    shipped, source = package / "registry.yaml", package.parent / "registry.yaml"
    if shipped.is_file():
        return shipped
    if source.is_file() and (package.parent / "pyproject.toml").is_file():
        return source
    raise PluginError(
        "the catalogue of plugins is missing", where=str(shipped), fix="pip install --force-reinstall si-core"
    )


@cache
def catalogue() -> tuple[CatalogueEntry, ...]:
    """Return the entries of this si-core's catalogue, sorted by name.

    Raises:
        PluginError: the file is missing or damaged.
    """
    return read_catalogue(catalogue_path())


def providers(kind: str, name: str) -> tuple[CatalogueEntry, ...]:
    """Return the known plugins that offer a component, deprecated ones last."""
    return _index(catalogue()).get((kind, name), ())


@cache
def _index(entries: tuple[CatalogueEntry, ...]) -> dict[tuple[str, str], tuple[CatalogueEntry, ...]]:
    found: defaultdict[tuple[str, str], list[CatalogueEntry]] = defaultdict(list)
    for entry in sorted(entries, key=lambda entry: entry.status == "deprecated"):
        for kind, names in entry.components.items():
            for name in names:
                found[kind, name].append(entry)
    return {key: tuple(group) for key, group in found.items()}


def read_catalogue(path: Path) -> tuple[CatalogueEntry, ...]:
    """Read a catalogue file strictly.

    Args:
        path: a file of the form of ``registry.yaml``.

    Raises:
        PluginError: unreadable, not YAML, of another schema, or an entry of another form; with file and line.
    """
    import yaml

    try:
        root = yaml.compose(path.read_text(encoding="utf-8"), Loader=yaml.SafeLoader)
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise PluginError(f"can't be read: {' '.join(str(error).split())}", where=str(path)) from error
    document = _plain(root, path, set()) if root is not None else None
    if not isinstance(document, dict) or set(document) != {"schema", "plugins"}:
        raise PluginError("a catalogue is a mapping of 'schema' and 'plugins'", where=f"{path}:1")
    if document["schema"] != SCHEMA:
        raise PluginError(
            "this catalogue has another schema",
            where=str(path),
            got=document["schema"],
            allowed=SCHEMA,
            fix="pip install --upgrade si-core",
        )
    if not isinstance(document["plugins"], list):
        raise PluginError("'plugins' is a list", where=str(path))
    entries = [_entry(item, f"{path}: plugin {number}") for number, item in enumerate(document["plugins"], 1)]
    names = [entry.name for entry in entries]
    for name in names:
        if names.count(name) > 1:
            raise PluginError(f"{name!r} stands in the catalogue twice", where=str(path))
    return tuple(sorted(entries, key=lambda entry: entry.name))


def _plain(node: yaml.Node, path: Path, seen: set[int]) -> Any:
    """Return a YAML node as text, lists and dicts."""
    import yaml

    where = f"{path}:{node.start_mark.line + 1}"
    if id(node) in seen:
        raise PluginError("a catalogue has no aliases", where=where)
    seen.add(id(node))
    if node.tag.removeprefix("tag:yaml.org,2002:") not in _TAGS:
        raise PluginError("a catalogue has no tags", where=where, got=node.tag)
    if isinstance(node, yaml.ScalarNode):
        return node.value
    if isinstance(node, yaml.SequenceNode):
        return [_plain(item, path, seen) for item in node.value]
    found: dict[str, Any] = {}
    for key_node, value_node in node.value:
        key = _plain(key_node, path, seen)
        if not isinstance(key, str) or key in found:
            raise PluginError(
                f"the key {key!r} stands twice or is no text", where=f"{path}:{key_node.start_mark.line + 1}"
            )
        found[key] = _plain(value_node, path, seen)
    return found


def _entry(item: Any, where: str) -> CatalogueEntry:
    if not isinstance(item, dict):
        raise PluginError("a plugin is a mapping", where=where, allowed=", ".join(_REQUIRED))
    where = f"{where} ({item.get('name', 'without name')})"
    missing = [key for key in _REQUIRED if key not in item]
    unknown = sorted(set(item) - {*_REQUIRED, *_LISTS, "replaced_by"})
    if missing or unknown:
        got = ", ".join([*(f"no {key!r}" for key in missing), *(f"unknown {key!r}" for key in unknown)])
        raise PluginError(
            "an entry has exactly the keys of its form", where=where, got=got, allowed=", ".join(_REQUIRED)
        )
    if item["status"] not in _STATUSES:
        raise PluginError("unknown status", where=where, got=item["status"], allowed=", ".join(_STATUSES))
    if not _is_texts(item["maintainers"]):
        raise PluginError("'maintainers' is a list of names", where=where)
    components = item["components"]
    if not isinstance(components, dict) or not all(
        isinstance(kind, str) and _is_texts(components[kind]) for kind in components
    ):
        raise PluginError("'components' maps kinds to lists of names", where=where, allowed="interpolant: [my-cubic]")
    lists = {key: item.get(key, []) for key in _LISTS}
    for key, names in lists.items():
        if not _is_texts(names):
            raise PluginError(f"{key!r} is a list of names", where=where)
    texts = {key: value for key, value in item.items() if key not in ("maintainers", "components", *_LISTS)}
    if not _is_texts(list(texts.values())):
        raise PluginError("everything but the lists of names is text", where=where)
    return CatalogueEntry(
        **texts,
        maintainers=tuple(item["maintainers"]),
        components={kind: tuple(names) for kind, names in components.items()},
        commands=tuple(lists["commands"]),
        sections=tuple(lists["sections"]),
    )


def _is_texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)
