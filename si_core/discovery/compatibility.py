"""Whether a plugin fits this si-core: read from its metadata, without importing it.

A plugin states the range it was written for as an ordinary dependency, ``si-core>=0.2,<0.3``. One without an upper
bound can be used, with a remark: it may break at some later release, in a way that nobody could foresee.
"""

from __future__ import annotations

import tomllib
from functools import cache
from importlib.metadata import version as installed_version
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version

__all__ = ["core_version", "required_core", "suggested_bound", "unbounded", "unfit"]


_FAR_FUTURE = "9999"
"""A version that whatever has an upper bound excludes."""


@cache
def core_version() -> str:
    """Return the version of this si-core: of the source tree it runs from, or of the installed distribution."""
    project_file = Path(__file__).resolve().parents[2] / "pyproject.toml"
    if project_file.is_file():
        project = tomllib.loads(project_file.read_text(encoding="utf-8")).get("project", {})
        if project.get("name") == "si-core":
            return str(project["version"])
    return installed_version("si-core")


def suggested_bound(core: str) -> str:
    """Return the range that a plugin written for ``core`` declares: ``"si-core>=0.2,<0.3"`` for 0.2.3."""
    version = Version(core)
    return f"si-core>={version.major}.{version.minor},<{version.major}.{version.minor + 1}"


def required_core(requires: tuple[str, ...]) -> str | None:
    """Return the si-core range among ``Requires-Dist`` lines, None if there is none.

    Raises:
        InvalidRequirement: the line of si-core is malformed.
    """
    for line in requires:
        try:
            requirement = Requirement(line)
        except InvalidRequirement:
            if canonicalize_name(line).startswith("si-core"):
                raise
            continue  # another package's line is not ours to judge
        applies = requirement.marker is None or requirement.marker.evaluate({"extra": ""})
        if canonicalize_name(requirement.name) == "si-core" and applies and requirement.specifier:
            return str(requirement.specifier)
    return None


def unfit(distribution: str, requires: tuple[str, ...], core: str) -> tuple[str, str] | None:
    """Return why a plugin can't run on ``core``, and what to do; None if it can.

    Args:
        distribution: the plugin's, such as ``"si-cubic"``.
        requires: its ``Requires-Dist`` lines.
        core: version of si-core, such as ``"0.2.0"``.
    """
    try:
        bound = required_core(requires)
    except InvalidRequirement as error:
        return (
            f"its si-core range can't be read: {' '.join(str(error).split())}",
            f"its authors have to add {suggested_bound(core)!r} to its dependencies",
        )
    # prereleases: a development version of si-core must be testable with plugins
    if bound is not None and not SpecifierSet(bound).contains(core, prereleases=True):
        return f"needs si-core {bound}, you have {core}", f"pip install --upgrade si-core {distribution}"
    return None


def unbounded(requires: tuple[str, ...], core: str) -> str:
    """Return a remark on a plugin that fits ``core`` and has no upper bound on it; empty for one that has."""
    bound = required_core(requires)
    if bound is not None and not SpecifierSet(bound).contains(_FAR_FUTURE):
        return ""
    declared = "no si-core range" if bound is None else f"si-core {bound} without an upper bound"
    return f"declares {declared}; its authors should add {suggested_bound(core)!r} to its dependencies"
