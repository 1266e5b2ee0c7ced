"""Checkpoints of a training: when one is due, and what goes into it."""

from __future__ import annotations

import torch

from si_core.contract.event import Event
from si_core.errors import NumericsError, StorageError
from si_core.process.fingerprint import fingerprint
from si_core.runs.directory import RunDirectory
from si_core.runs.log import Console
from si_core.runs.same_recipe import kept_recipe
from si_core.runs.watching import Watch
from si_core.storage.checkpoint import save_checkpoint
from si_core.storage.retention import prune
from si_core.training.spread_tensors import local
from si_core.training.trainer import Trainer

__all__ = ["save_state", "saving_due", "saving_first"]


def saving_first(trainer: Trainer, renew: bool) -> bool:
    """Whether a checkpoint is due before the first step: of weights that came from elsewhere."""
    return renew or (trainer.step == 0 and trainer.assembly.recipe.init is not None)


def saving_due(trainer: Trainer, stop: bool) -> bool:
    """Whether a checkpoint is due after the present step: at the last one, every so often, and where training stops."""
    every = trainer.train.checkpoint_every
    return trainer.finished or stop or (every is not None and trainer.step % every == 0)


def save_state(directory: RunDirectory, watch: Watch, data: dict[str, str], console: Console) -> None:
    """Write a checkpoint of a training, and remove those that are no longer kept.

    Args:
        directory: the run's folder.
        watch: the training, with those who follow it.
        data: the fingerprints of what it trains on.
        console: where to speak.

    Raises:
        NumericsError: a weight is not finite; the last checkpoint is untouched.
        StorageError: the folder is gone, or can't be written.
    """
    trainer = watch.run.trainer
    broken = [
        name
        for module in (trainer.predictor, trainer.trained())
        for name, parameter in module.named_parameters()
        if not bool(torch.isfinite(local(parameter)).all())
    ]
    if broken:
        raise NumericsError(
            "weights that are not finite are not saved; the last checkpoint is untouched",
            where=f"step {trainer.step}",
            got=", ".join(dict.fromkeys(broken[:5])),
            fix="a smaller learning rate (train.optimizer.lr), or train.clip: 1.0",
        )
    if not directory.resolved.is_file():
        raise StorageError(
            "the folder of the run is gone",
            where=str(directory.path),
            got=f"no {directory.resolved.name} in it at step {trainer.step}",
            fix="a running process must keep its folder: go on where the folder is now, or start again",
        )
    tensors, state = trainer.state()
    tensors["fingerprint"] = fingerprint(trainer.assembly.process)
    state |= {"recipe": kept_recipe(trainer.assembly.recipe), "data": data, "parts": watch.state()}
    path = save_checkpoint(directory.checkpoints, trainer.step, tensors, state)
    prune(directory.checkpoints, trainer.train.keep, written=path, report=console.warn)
    watch.event(Event("checkpoint", directory.path, trainer.step, {"path": str(path)}))
