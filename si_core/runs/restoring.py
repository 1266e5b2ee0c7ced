"""Going on: a training and its followers put where the newest good checkpoint of a run is, after every check."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

from si_core.errors import DataError, PluginError, RecipeError, StorageError
from si_core.process.fingerprint import data_parts
from si_core.recipes.paths import all_paths
from si_core.recipes.recipe import Recipe
from si_core.runs.directory import RunDirectory
from si_core.runs.log import Console
from si_core.runs.same_process import check_same_process
from si_core.runs.same_recipe import check_same_recipe
from si_core.runs.watching import Watch
from si_core.storage.checkpoint import Checkpoint, load_checkpoint
from si_core.storage.fingerprints import PARTS, data_changes, fingerprints
from si_core.storage.retention import newest_verified

__all__ = ["Restored", "restore"]


class Restored(NamedTuple):
    """Where a run goes on.

    Args:
        checkpoint: from which; None at step 0 where none was ever saved.
        renew: whether one of this run has still to be written where it is now, as that one is another recipe's.
    """

    checkpoint: Checkpoint | None
    renew: bool


def restore(
    directory: RunDirectory,
    watch: Watch,
    console: Console,
    allow_data_change: bool = False,
    force: bool = False,
) -> Restored:
    """Put a training and its followers where the newest good checkpoint is; at step 0 where none was ever saved.

    Args:
        directory: the run's folder.
        watch: the training at step 0, with those who follow it.
        console: where to speak.
        allow_data_change: go on with other data.
        force: go on with another process, or from a checkpoint that was made by another recipe.

    Raises:
        PluginError: the process is not the one that the checkpoint was trained for.
        StorageError: there are checkpoints, and none of them is good or fits; or the newest is another run's.
        RecipeError: the checkpoint is of a later step than the recipe's last.
        DataError: the data are not those that the checkpoint was trained on.
    """
    trainer = watch.run.trainer
    path = newest_verified(directory.checkpoints, console.warn)
    if path is None:
        _refuse_lost(directory)
        console.line("no checkpoint was saved yet: starting again at step 0")
        return Restored(None, False)
    checkpoint = load_checkpoint(path)
    foreign = _foreign(checkpoint, trainer.assembly.recipe, path, console, force)
    if checkpoint.step > trainer.train.steps:
        raise RecipeError(
            "the run is trained further than the recipe asks for",
            where=str(path),
            got=f"{checkpoint.step} steps",
            allowed=f"at most train.steps, which is {trainer.train.steps}",
            fix=f"train.steps={checkpoint.step} or more, or start a new run",
        )
    recipe, now = trainer.assembly.recipe, fingerprints(data_parts(trainer.assembly.process))
    selected = {part: getattr(recipe, part, None) for part in PARTS}
    files = {part: ", ".join(all_paths(one)) for part, one in selected.items() if one is not None}
    changes = data_changes(_mapping(checkpoint, "data"), now, files)
    if changes and not allow_data_change:
        raise DataError(
            "the data changed since this run was started",
            where=str(directory.path),
            got=changes,
            fix="put the old data back, start a new run, or go on with other data by --allow-data-change",
        )
    if changes:
        console.warn(f"going on with other data, as allowed: {changes}")
    trainer.restore(checkpoint.step, checkpoint.tensors, checkpoint.state, str(path))
    try:
        check_same_process(checkpoint.tensors.get("fingerprint", {}), trainer.assembly.process, directory, path)
    except PluginError as error:
        if not force:
            raise
        console.warn(f"going on by force: {error}")
    watch.restore(checkpoint.state.get("parts"), str(path))
    console.line(f"resumed from step {checkpoint.step}")
    return Restored(checkpoint, foreign)


def _foreign(checkpoint: Checkpoint, recipe: Recipe, path: Path, console: Console, force: bool) -> bool:
    """Whether a checkpoint is another recipe's, which is allowed by force only."""
    fix = "remove it, so that an older one serves; or go on from it by --force, if this run is to have its weights"
    try:
        check_same_recipe(checkpoint.state.get("recipe"), recipe, str(path), fix)
    except StorageError as error:
        if not force:
            raise
        console.warn(f"going on by force: {error}")
        return True
    return False


def _mapping(checkpoint: Checkpoint, key: str) -> dict[str, Any]:
    value = checkpoint.state.get(key, {})
    return value if isinstance(value, dict) else {}


def _refuse_lost(directory: RunDirectory) -> None:
    """Refuse to train again in silence what was trained before."""
    left = sorted(path.name for path in directory.checkpoints.glob("*step-*")) if directory.checkpoints.is_dir() else []
    if left:
        raise StorageError(
            "none of the checkpoints is good",
            where=str(directory.checkpoints),
            got=", ".join(left[:5]),
            fix="start a new run, or remove this folder to train the run again from step 0",
        )
