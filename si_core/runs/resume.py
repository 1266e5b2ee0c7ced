"""Whether a run may be resumed: with the same recipe, or one that differs in harmless keys only."""

from __future__ import annotations

import json
from pathlib import Path

from si_core.errors import RecipeError, StorageError
from si_core.recipes.differences import differences
from si_core.recipes.loader import load_recipe
from si_core.recipes.recipe import Recipe
from si_core.runs.directory import RunDirectory
from si_core.runs.environment import differences as environment_differences
from si_core.runs.environment import environment
from si_core.runs.log import Console

__all__ = ["check_resume", "newest_run"]

HARMLESS = ("title", "meta", "sample", "estimators", "report", "train.keep", "train.checkpoint_every")
"""Keys that don't enter training."""


def newest_run(recipe: str, root: Path = Path("runs")) -> RunDirectory:
    """The newest run of a recipe under ``root``.

    Raises:
        StorageError: there is none.
    """
    # Names begin with the UTC time, so their order is that of their making.
    runs = sorted(path.parent for path in (root / recipe).glob("*/resolved.yaml"))
    if not runs:
        raise StorageError(
            f"no run of {recipe!r} to resume",
            where=str(root / recipe),
            fix="name its folder by --out DIR, or leave --resume out",
        )
    return RunDirectory(runs[-1])


def check_resume(recipe: Recipe, directory: RunDirectory, log: Console, force: bool) -> bool:
    """Compare a recipe with the one the run was started with, and the versions then with those now.

    Returns:
        Whether anything in the recipe changed.

    Raises:
        RecipeError: keys that enter training changed, and ``force`` was not given.
    """
    old = load_recipe(directory.resolved)
    changes = differences(old.resolved(), recipe.resolved())
    serious = [c for c in changes if not any(c[0] == key or c[0].startswith(f"{key}.") for key in HARMLESS)]
    lines = "; ".join(f"{key}: {before!r} -> {now!r}" for key, before, now in serious[:10])
    if serious and not force:
        raise RecipeError(
            "the recipe changed since this run was started",
            where=str(directory.path),
            got=lines,
            allowed=f"changes in {', '.join(HARMLESS)}",
            fix="resume with the old recipe, start a new run, or give --force",
        )
    if serious:
        log.warn(f"resumed by force with a changed recipe: {lines}")
    if directory.environment.exists():
        recorded = json.loads(directory.environment.read_text(encoding="utf-8"))
        present = environment(recorded.get("distributions", {}))
        found = environment_differences(recorded, present)
        if found:
            log.warn("equal in law but not bit for bit, as this differs: " + "; ".join(found[:10]))
        else:
            log.line("same machine type and versions: continues bit for bit")
    return bool(changes)
