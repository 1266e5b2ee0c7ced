"""Whether a run may be resumed: with the same recipe, or one that differs in harmless keys only."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from si_core.errors import RecipeError, StorageError
from si_core.recipes.differences import recipe_differences
from si_core.recipes.loader import load_found_recipe
from si_core.recipes.recipe import Recipe
from si_core.runs.directory import RunDirectory
from si_core.runs.environment import differences as environment_differences
from si_core.runs.log import Console
from si_core.runs.same_recipe import RESUMABLE, is_harmless
from si_core.runs.status import Status, read_status
from si_core.storage.atomic import storage_error
from si_core.storage.own_files import read_own
from si_core.storage.strict_json import parse_json

__all__ = ["check_environment", "check_recipe", "newest_run", "previous_status", "read_json", "stillborn"]

_FIRST_FILES = {".lock", "log.txt"}
_SHOWN = 10


def newest_run(recipe: str, root: Path = Path("runs")) -> RunDirectory:
    """The newest run of a recipe under ``root``.

    Raises:
        StorageError: there is none.
    """
    folder = RunDirectory.folder_of(recipe, root)
    # Names begin with times that grow from run to run, whatever the clock does.
    runs = sorted(path.parent for path in folder.glob("*/resolved.yaml"))
    if not runs:
        raise StorageError(
            f"there is no run of {recipe!r} to resume",
            where=str(folder),
            fix="name its folder by --out DIR, or leave --resume out to start one",
        )
    return RunDirectory(runs[-1])


def stillborn(path: Path) -> bool:
    """Whether a run took this folder and was killed before it had written its recipe: there is nothing to resume."""
    if not (path / ".lock").is_file():
        return False
    names = {entry.name for entry in path.iterdir()}
    return all(name in _FIRST_FILES or (name.startswith(".") and ".tmp-" in name) for name in names)


def previous_status(directory: RunDirectory, console: Console) -> Status | None:
    """How the run stood; None where that can't be told, which is no reason not to go on."""
    if not directory.status.exists():
        return None
    try:
        return read_status(directory.status)
    except StorageError as error:
        console.warn(f"{error}; the file is written anew")
        return None


def check_recipe(recipe: Recipe, directory: RunDirectory, console: Console, force: bool) -> list[str]:
    """Compare a recipe with the one the run was started with.

    Returns:
        What changed, as ``key: old -> new``.

    Raises:
        RecipeError: keys that enter training changed, and ``force`` was not given.
    """
    changes = recipe_differences(load_found_recipe(directory.resolved), recipe)
    serious = [_change(change) for change in changes if not is_harmless(change[0])]
    if serious and not force:
        rest = [f"and {len(serious) - _SHOWN} more"] if len(serious) > _SHOWN else []
        raise RecipeError(
            "\n    ".join(["the recipe changed since this run was started:", *serious[:_SHOWN], *rest]),
            where=str(directory.path),
            allowed=f"changes in {', '.join(RESUMABLE)}",
            fix="resume with the old recipe (its resolved.yaml will do), start a new run, or give --force",
        )
    if serious:
        console.warn("resumed by force with a changed recipe: " + "; ".join(serious))
    harmless = [_change(change) for change in changes if is_harmless(change[0])]
    if harmless:
        console.line("changed in what the steps done do not depend on: " + "; ".join(harmless))
    return serious + harmless


def check_environment(present: Mapping[str, Any], directory: RunDirectory, console: Console) -> None:
    """Say what to expect: the same bits, or the same law where a version, the machine or the device changed.

    A distribution that only one of the two used is no difference: what is used, the recipe says.
    """
    if not directory.environment.exists():
        return
    try:
        recorded = read_json(directory.environment)
    except StorageError as error:
        console.warn(f"{error}; the file is written anew")
        return
    if not isinstance(recorded, dict):
        recorded = {}
    found = environment_differences(_beside(recorded, present), _beside(present, recorded))
    if found:
        console.warn("equal in law but not bit for bit, as this differs: " + "; ".join(found[:_SHOWN]))
    else:
        console.line("same machine type, device and versions: continues bit for bit")


def _beside(one: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, Any]:
    """An environment with those of its distributions that another one has as well; whose components are, is theirs."""
    mine, others = one.get("distributions"), other.get("distributions")
    one = {key: value for key, value in one.items() if key != "components"}
    if not (isinstance(mine, Mapping) and isinstance(others, Mapping)):
        return one
    return {**one, "distributions": {name: version for name, version in mine.items() if name in others}}


def read_json(path: Path) -> Any:
    """The value in a file of JSON.

    Raises:
        StorageError: unreadable, or not JSON.
    """
    try:
        data = read_own(path)
    except OSError as error:
        raise storage_error(path, error) from error
    return parse_json(data, str(path))


def _change(change: tuple[str, Any, Any]) -> str:
    key, before, now = change
    return f"{key}: {before!r} -> {now!r}"
