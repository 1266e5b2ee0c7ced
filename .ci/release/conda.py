"""A draft of a conda recipe, one output a package, made from their pyproject files (rattler-build's form, schema 1).

Its sources are the sdists beside it, with their digests; who publishes puts their addresses in place of the paths.
Conda has no extras: what a dependency asks of one becomes a dependency, and the other optional ones constraints.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from release.projects import CORE, Project

__all__ = ["OTHER_NAMES", "recipe"]

OTHER_NAMES = {"torch": "pytorch", "matplotlib": "matplotlib-base"}
"""Names on conda-forge that differ from those on PyPI."""

_FOR_DEVELOPERS = ("test", "docs")


def _line(requirement: Requirement) -> str:
    name = str(canonicalize_name(requirement.name))
    bounds = ",".join(sorted(map(str, requirement.specifier), reverse=True))
    return f"{OTHER_NAMES.get(name, name)} {bounds}".strip()


def _with_extras(requirements: Iterable[Requirement], known: dict[str, Project]) -> list[Requirement]:
    """The requirements, and what their extras add where they are of this tree."""
    found: list[Requirement] = []
    for each in requirements:
        found.append(each)
        if each.name in known:
            project = known[each.name]
            found += [more for extra in sorted(each.extras) for more in project.requirements([extra])
                      if more not in project.requirements()]  # fmt: skip
    return found


def _output(project: Project, sdist: Path, known: dict[str, Project]) -> dict[str, Any]:
    python = str(project.table["requires-python"])
    run = _with_extras(project.requirements(), known)
    extras = [name for name in project.table.get("optional-dependencies", {}) if name not in _FOR_DEVELOPERS]
    optional = [each for each in project.requirements(extras) if each not in project.requirements()]
    scripts = [f"{name} = {target}" for name, target in project.table.get("scripts", {}).items()]
    return {
        "package": {"name": project.name, "version": "${{ version }}"},
        "source": {"path": f"../{sdist.name}", "sha256": hashlib.sha256(sdist.read_bytes()).hexdigest()},
        "build": {
            "noarch": "python",
            "script": "${{ PYTHON }} -m pip install . --no-deps --no-build-isolation -vv",
            **({"python": {"entry_points": scripts}} if scripts else {}),
        },
        "requirements": {
            "host": [f"python {python}", "pip", "hatchling >=1.26"],
            "run": sorted({f"python {python}", *map(_line, run)}),
            **({"run_constraints": sorted(map(_line, optional))} if optional else {}),
        },
        "tests": [
            {"python": {"imports": [project.package], "pip_check": True}},
            *([{"script": ["si --version"]}] if scripts else []),
        ],
        "about": {
            "summary": project.table["description"],
            "license": project.table["license"],
            "license_file": list(project.table["license-files"]),
        },
    }


def recipe(all_of: Sequence[Project], sdists: dict[str, Path]) -> dict[str, Any]:
    """Return the recipe as plain data; ``sdists`` by the names of their packages."""
    known = {project.name: project for project in all_of}
    return {
        "schema_version": 1,
        "context": {"version": str(known[CORE].table["version"])},
        "recipe": {"name": "si", "version": "${{ version }}"},
        "outputs": [_output(project, sdists[project.name], known) for project in all_of],
    }
