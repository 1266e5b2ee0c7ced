"""A package in a folder, made known to discovery without installing it.

What an installation would record is read from its ``pyproject.toml`` and written into a temporary folder; with that and
the package's own code on the path of a new process, the plugin is found there as if it were installed.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from packaging.utils import canonicalize_name

from si_core import PluginError, UsageError
from si_core.public.discovery import ENTRY_POINT_GROUP

__all__ = ["SourceTree", "looks_like_a_path", "read_source_tree"]


@dataclass(frozen=True)
class SourceTree:
    """What a package says of itself.

    Args:
        folder: where it lies.
        distribution: the canonical name of its distribution.
        project: the table ``project`` of its ``pyproject.toml``.
    """

    folder: Path
    distribution: str
    project: Mapping[str, Any]

    @contextmanager
    def environment(self) -> Iterator[dict[str, str]]:
        """The environment of a process that finds this plugin."""
        with TemporaryDirectory(prefix="si-check-") as place:
            self._write_metadata(Path(place))
            code = self.folder / "src" if (self.folder / "src").is_dir() else self.folder
            path = [str(code), place, *filter(None, [os.environ.get("PYTHONPATH")])]
            yield {**os.environ, "PYTHONPATH": os.pathsep.join(path)}

    def _write_metadata(self, place: Path) -> None:
        version = str(self.project.get("version", "0"))
        info = place / f"{self.distribution.replace('-', '_')}-{version}.dist-info"
        info.mkdir()
        lines = ["Metadata-Version: 2.1", f"Name: {self.distribution}", f"Version: {version}"]
        lines += [f"Requires-Dist: {line}" for line in self.project.get("dependencies", [])]
        (info / "METADATA").write_text("\n".join(lines) + "\n", encoding="utf-8")
        entries = [f"{name} = {module}" for name, module in self._entries().items()]
        (info / "entry_points.txt").write_text("\n".join([f"[{ENTRY_POINT_GROUP}]", *entries]) + "\n", encoding="utf-8")

    def _entries(self) -> Mapping[str, str]:
        found: Mapping[str, str] = self.project.get("entry-points", {}).get(ENTRY_POINT_GROUP, {})
        return found


def looks_like_a_path(text: str) -> bool:
    """Whether a word of the command line means a folder: it begins like a path or ends like one."""
    return text.startswith((".", "~", os.sep)) or text.endswith(os.sep)


def read_source_tree(folder: Path) -> SourceTree:
    """Read the ``pyproject.toml`` of a package.

    Raises:
        UsageError: there is no such folder, or no ``pyproject.toml`` in it.
        PluginError: it can't be read, or is none of a plugin.
    """
    path = folder.expanduser() / "pyproject.toml"
    if not path.is_file():
        raise UsageError(
            "a package to check is a folder with a pyproject.toml",
            where=str(folder),
            got="no such folder" if not folder.expanduser().is_dir() else "a folder without one",
            fix="si new plugin NAME makes one",
        )
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
        project = document.get("project", {})
    except (OSError, ValueError) as error:
        raise PluginError(f"can't be read: {error}", where=str(path)) from error
    if not isinstance(project.get("name"), str):
        raise PluginError("has no name in its table [project]", where=str(path))
    if not project.get("entry-points", {}).get(ENTRY_POINT_GROUP):
        raise PluginError(
            "is no plugin: it has no entry point",
            where=str(path),
            fix=f'[project.entry-points."{ENTRY_POINT_GROUP}"] with a line NAME = "PACKAGE.plugin"',
        )
    _refuse_unbuildable(path, document)
    return SourceTree(path.parent.resolve(), str(canonicalize_name(project["name"])), project)


def _refuse_unbuildable(path: Path, document: Mapping[str, Any]) -> None:
    """Refuse a package of hatchling in which it would find nothing to ship, as pip would only when it installs it."""
    backend = document.get("build-system", {}).get("build-backend", "")
    told = document.get("tool", {}).get("hatch", {}).get("build")
    name = str(canonicalize_name(document["project"]["name"])).replace("-", "_")
    places = [f"{folder}{name}{end}" for folder in ("", "src/") for end in ("/__init__.py", ".py")]
    if backend == "hatchling.build" and not told and not any((path.parent / place).is_file() for place in places):
        raise PluginError(
            "can't be built: hatchling finds no package to ship",
            where=str(path.parent),
            allowed=f"one of {', '.join(places)}",
            fix=f"add an empty {name}/__init__.py",
        )
