"""One training for several points of a sweep.

A point that differs from another one only in what does not enter training gets a copy of its own of the other's last
checkpoint and metrics, and goes on from there as after an interruption. So its folder is complete, and holds the bits
that a run by itself would have made.
"""

from __future__ import annotations

import os

from si_core.public.recipes import Recipe
from si_core.public.runs import Console, RunDirectory, RunLog, load_checkpoint, newest_verified, save_checkpoint
from si_core.public.storage import write_atomic

__all__ = ["adopt"]


def adopt(twin: RunDirectory, directory: RunDirectory, recipe: Recipe, console: Console) -> bool:
    """Make a folder that of a trained run, by the training of another run.

    Args:
        twin: the folder of the other run, whose training is that of ``recipe``.
        directory: the folder, which holds no run yet.
        recipe: the recipe of the folder's run.
        console: where to speak.

    Returns:
        False, and nothing is made, where the other run has not trained to its end or has its checkpoint no more.

    Raises:
        StorageError: a file can't be read or written.
    """
    if not (twin.model.is_file() and twin.metrics.is_file()):
        return False
    newest = newest_verified(twin.checkpoints, console.warn, tidy=False)
    checkpoint = None if newest is None else load_checkpoint(newest)
    if checkpoint is None or checkpoint.step != recipe.train.steps:
        return False
    log = RunLog(directory.log, console)
    log.line(f"trained as {os.path.relpath(twin.path, directory.path)}: what differs does not enter training")
    log.close()
    write_atomic(directory.metrics, twin.metrics.read_bytes())
    save_checkpoint(directory.checkpoints, checkpoint.step, checkpoint.tensors, checkpoint.state)
    if twin.environment.is_file():
        write_atomic(directory.environment, twin.environment.read_bytes())
    write_atomic(directory.recipe, recipe.text.encode())
    # The file that makes a folder a run comes last: after a kill before it, all of this is done again.
    write_atomic(directory.resolved, recipe.dump(directory.path).encode())
    return True
