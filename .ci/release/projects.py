"""The packages of the tree: si-core at its root, and a plugin in each folder of ``plugins/``."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from release.errors import ReleaseError

__all__ = ["Project", "closure", "projects"]

CORE = "si-core"


@dataclass(frozen=True)
class Project:
    """One ``pyproject.toml``.

    Attributes:
        folder: where it stands.
        table: its table ``[project]``.
    """

    folder: Path
    table: dict[str, Any]

    @property
    def name(self) -> str:
        """The name of the distribution, such as ``si-networks``."""
        return str(self.table["name"])

    @property
    def package(self) -> str:
        """What is imported, such as ``si_networks``; the prefix of its files on an index, too."""
        return self.name.replace("-", "_")

    @property
    def source(self) -> Path:
        """The folder of the package."""
        own = self.folder / "src" / self.package
        return own if own.is_dir() else self.folder / self.package

    def requirements(self, extras: Sequence[str] = ()) -> list[Requirement]:
        """Return what it needs, with what the extras add."""
        optional = self.table.get("optional-dependencies", {})
        lines = [*self.table.get("dependencies", ()), *(line for extra in extras for line in optional[extra])]
        return [Requirement(line) for line in lines]


def projects(root: Path) -> list[Project]:
    """Return si-core and the plugins, in order of their names.

    Raises:
        ReleaseError: ``root`` has no si-core.
    """
    found = []
    for path in [root / "pyproject.toml", *sorted(root.glob("plugins/*/pyproject.toml"))]:
        if path.is_file():
            found.append(Project(path.parent, tomllib.loads(path.read_text(encoding="utf-8"))["project"]))
    if not found or found[0].name != CORE:
        raise ReleaseError(f"{root} has no pyproject.toml of {CORE}: run this in the root of the tree")
    return found


def closure(all_of: Sequence[Project], name: str) -> list[str]:
    """Return the packages of the tree that an installation of ``name`` brings, itself among them, sorted."""
    known = {project.name: project for project in all_of}
    reached: set[tuple[str, tuple[str, ...]]] = set()
    waiting: list[tuple[str, tuple[str, ...]]] = [(name, ())]
    while waiting:
        here = waiting.pop()
        if here in reached:
            continue
        reached.add(here)
        for needed in known[here[0]].requirements(here[1]):
            if (own := str(canonicalize_name(needed.name))) in known:
                waiting.append((own, tuple(sorted(needed.extras))))
    return sorted({each for each, _ in reached})
