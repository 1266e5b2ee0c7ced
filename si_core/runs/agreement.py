"""Processes that share a run agree, before any work, on what they share: recipe, data, packages and networks.

Each has read its own files on its own machine. One that trains on other rows, or by another version of a plugin, would
spoil the work of all without a word.
"""

from __future__ import annotations

from typing import Any

from torch import Tensor

from si_core.contract.processes import Processes
from si_core.errors import UsageError, shortened
from si_core.models.assembly import Assembly
from si_core.process.fingerprint import data_parts
from si_core.recipes.file_names import portable
from si_core.runs.environment import differences
from si_core.runs.plan import used_by
from si_core.runs.restoring import Restored
from si_core.storage.fingerprints import fingerprints
from si_core.training.trainer import Trainer

__all__ = ["agree", "share_state", "take_state"]

_SHOWN, _LONGEST = 5, 160
"""Differences that are shown of each process, and letters of each."""


def agree(assembly: Assembly, processes: Processes | None) -> None:
    """See to it that all processes are about to do the same.

    Args:
        assembly: the recipe, put together.
        processes: those that share it; None for one that works alone.

    Raises:
        UsageError: they are not, with what differs between which of them; the same on each.
        LostProcess: one of them has ended.
    """
    if processes is None:
        return
    every = processes.exchange(_known(assembly))
    found = []
    for rank, known in enumerate(every):
        lines = differences(every[0], known)
        if lines:
            more = [f"and {len(lines) - _SHOWN} more"] if len(lines) > _SHOWN else []
            shown = [shortened(line, _LONGEST) for line in lines[:_SHOWN]]
            found.append(f"{processes.names[rank]}: {'; '.join([*shown, *more])}")
    if found:
        raise UsageError(
            "the processes were not started alike",
            where=f"beside {processes.names[0]}",
            got="\n    ".join(found),
            allowed="equal recipes, data, packages and networks",
            fix="the same files and the same packages on every machine",
        )


def share_state(restored: Restored, processes: Processes) -> None:
    """Tell the other processes of the checkpoint that process 0 has read, in :func:`take_state`.

    Raises:
        LostProcess: one of them has ended.
    """
    processes.of_leader(restored)


def take_state(trainer: Trainer, processes: Processes) -> bool:
    """Put a training where that of process 0 is, which has read a checkpoint.

    Args:
        trainer: the training, of another process.
        processes: those that share it.

    Returns:
        Whether process 0 has to write a checkpoint first.

    Raises:
        LostProcess: one of the processes has ended.
    """
    checkpoint, renew = processes.of_leader(Restored(None, False))
    if checkpoint is not None:
        where = f"the state of {processes.names[0]}"
        trainer.restore(checkpoint.step, checkpoint.tensors, checkpoint.state, where)
    return renew


def _known(assembly: Assembly) -> dict[str, Any]:
    """What a process knows of what it is about to do, as plain data."""
    used = used_by(assembly.recipe, assembly)
    return {
        "recipe": portable(assembly.recipe),
        "data": fingerprints(data_parts(assembly.process)),
        "python": used["python"],
        "torch": used["torch"]["version"],
        "packages": used["distributions"],
        "components": used["components"],
        "networks": {
            name: f"{tuple(value.shape)} {value.dtype}"
            for name, value in assembly.fields.predictor.state_dict().items()
            if isinstance(value, Tensor)
        },
    }
