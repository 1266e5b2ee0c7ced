"""A run that was made with a plugin which is not installed any more: which one that was, and its version.

The names come from the run's own ``environment.json``, which may be a stranger's; so they are shown only where they are
names, and installing them is left to whoever trusts them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import metadata

from packaging.version import InvalidVersion, Version

from si_core.errors import PluginError, RecipeError, StorageError, UsageError
from si_core.runs.directory import RunDirectory
from si_core.runs.resume import read_json

__all__ = ["lost_distributions", "lost_plugins_named"]

_NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")


def lost_distributions(directory: RunDirectory) -> list[str]:
    """What a run used and is not installed here, as requirements ``name==version``; none where that isn't known."""
    try:
        recorded = read_json(directory.environment)
    except StorageError:
        return []  # it can't be told; the error that asked for it says what is missing
    used = recorded.get("distributions") if isinstance(recorded, dict) else None
    pairs = used.items() if isinstance(used, dict) else ()
    return [f"{name}=={version}" for name, version in pairs if _is_version(version) and _is_lost(name)]


@contextmanager
def lost_plugins_named(directory: RunDirectory) -> Iterator[None]:
    """Add to the error of a recipe that can't be loaded which plugins its run had and this machine lacks.

    Args:
        directory: the run; a folder that is none of a run adds nothing.
    """
    try:
        yield
    except (PluginError, RecipeError, UsageError) as error:
        lost = lost_distributions(directory)
        if not lost:
            raise
        kind = PluginError if isinstance(error, PluginError) else UsageError
        raise kind(
            str(error),
            got=f"a run made with {', '.join(lost)}, not installed here ({directory.environment})",
            fix=f"if you trust it: pip install {' '.join(lost)}",
        ) from error


def _is_lost(name: str) -> bool:
    if not _NAME.fullmatch(name):
        return False
    try:
        metadata.version(name)
    except metadata.PackageNotFoundError:
        return True
    return False


def _is_version(text: object) -> bool:
    try:
        return isinstance(text, str) and str(Version(text)) != ""
    except InvalidVersion:
        return False
