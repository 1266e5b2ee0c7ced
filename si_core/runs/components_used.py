"""The components a run used, as its ``environment.json`` recorded them: whose they were, and in which version.

The file may be a stranger's, so that what is no name or no version is left out.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from importlib import metadata

from packaging.version import InvalidVersion, Version

from si_core.errors import StorageError
from si_core.runs.directory import RunDirectory
from si_core.runs.resume import read_json

__all__ = ["UsedComponent", "components_used", "is_name", "is_version", "version_changes"]

_NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_KEY = re.compile(rf"(?P<kind>{_NAME.pattern}) (?P<distribution>{_NAME.pattern})/(?P<name>{_NAME.pattern})")


@dataclass(frozen=True)
class UsedComponent:
    """A component that a run used: its kind and name, and its distribution with the version of then."""

    kind: str
    name: str
    distribution: str
    version: str

    @property
    def installed(self) -> str | None:
        """The version that its distribution has now; None where it is not installed."""
        try:
            return metadata.version(self.distribution)
        except metadata.PackageNotFoundError:
            return None

    def __str__(self) -> str:
        return f"{self.kind} {self.name!r} of {self.distribution} {self.version}"


def components_used(directory: RunDirectory) -> list[UsedComponent]:
    """The components that a run recorded; none where the file is missing or says something else."""
    try:
        recorded = read_json(directory.environment)
    except StorageError:
        return []  # whoever needs the file says that it is missing
    owners = recorded.get("components") if isinstance(recorded, dict) else None
    found = []
    for key, owner in owners.items() if isinstance(owners, dict) else ():
        parts = _KEY.fullmatch(key)
        version = owner.get("version") if isinstance(owner, dict) else None
        if parts is not None and is_version(version) and owner.get("distribution") == parts["distribution"]:
            found.append(UsedComponent(parts["kind"], parts["name"], parts["distribution"], str(version)))
    return found


def version_changes(used: list[UsedComponent]) -> list[str]:
    """What was used in another version than is installed, one line a distribution: ``si-cubic 1.0, now 2.0``."""
    pairs = dict.fromkeys((one.distribution, one.version, one.installed) for one in used)
    return [
        f"{distribution} {then}, now {'not installed' if now is None else now}"
        for distribution, then, now in pairs
        if then != now
    ]


def is_name(text: str) -> bool:
    """Whether it can be the name of a distribution, and nothing that a shell would read otherwise."""
    return _NAME.fullmatch(text) is not None


def is_version(text: object) -> bool:
    """Whether it is a version."""
    try:
        return isinstance(text, str) and str(Version(text)) != ""
    except InvalidVersion:
        return False
