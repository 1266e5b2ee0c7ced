"""A run whose recipe can't be loaded here: which plugin it was made with, in which version, and what is lacking here.

The names come from the run's own ``environment.json``, which may be a stranger's; so they are shown only where they are
names, and installing them is left to whoever trusts them.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib import metadata

from si_core.discovery.lookup import find
from si_core.errors import PluginError, RecipeError, SIError, StorageError, UsageError
from si_core.runs.components_used import UsedComponent, components_used, is_name, is_version
from si_core.runs.directory import RunDirectory
from si_core.runs.resume import read_json

__all__ = ["lost_distributions", "lost_plugins_named"]


def lost_distributions(directory: RunDirectory) -> list[str]:
    """What a run used and is not installed here, as requirements ``name==version``; none where that isn't known."""
    try:
        recorded = read_json(directory.environment)
    except StorageError:
        return []  # it can't be told; the error that asked for it says what is missing
    used = recorded.get("distributions") if isinstance(recorded, dict) else None
    pairs = used.items() if isinstance(used, dict) else ()
    return [f"{name}=={version}" for name, version in pairs if is_version(version) and _is_lost(name)]


@contextmanager
def lost_plugins_named(directory: RunDirectory) -> Iterator[None]:
    """Add to the error of a recipe that can't be loaded which components its run had and this machine lacks.

    Args:
        directory: the run; a folder that is none of a run adds nothing.
    """
    try:
        yield
    except (PluginError, RecipeError, UsageError) as error:
        lost, used = lost_distributions(directory), components_used(directory)
        gone = [one for one in used if _cannot_be_used(one)]
        replaced = [f"{one.distribution}=={one.version}" for one in gone if one.installed not in (None, one.version)]
        wanted = list(dict.fromkeys([*lost, *replaced]))
        if not wanted:
            raise
        kind = PluginError if isinstance(error, PluginError) else UsageError
        missing = f": {', '.join(map(str, gone))}" if gone else ""
        absent = f"a run made with {', '.join(lost)}, not installed here" if lost else "a run made with other versions"
        raise kind(
            str(error),
            got=f"{absent}{missing} ({directory.environment})",
            fix=f"if you trust it: pip install {' '.join(wanted)}",
        ) from error


def _cannot_be_used(one: UsedComponent) -> bool:
    try:
        find(one.kind, f"{one.distribution}/{one.name}")
    except SIError:
        return True
    return False


def _is_lost(name: str) -> bool:
    if not is_name(name):
        return False
    try:
        metadata.version(name)
    except metadata.PackageNotFoundError:
        return True
    return False
