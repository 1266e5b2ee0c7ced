"""What a run will certainly need of memory and disk, compared with what there is before its first step.

    weights     parameters x bytes, their gradients and their running averages: on the device
    batch       x0, x1, x_t and a target, train.batch events each: on the device
    checkpoint  the weights, and their averages, and the same again as the model at the end: on disk
    averages    those that are kept to choose from (train.ema): on disk
    samples     see :func:`si_core.models.needs.refuse_samples`

What the optimizer keeps beside, and what layers keep for their gradients, depends on both, and is not counted.
"""

from __future__ import annotations

import math
from pathlib import Path

from si_core.models.needs import refuse_beyond_disk, refuse_beyond_memory, refuse_samples
from si_core.recipes.training import PowerAverages
from si_core.runs.plan import Plan

__all__ = ["refuse_impossible"]

_HELD = 4
"""Tensors of the size of a batch that a step holds at once."""


def refuse_impossible(plan: Plan, folder: Path, begun: bool = False) -> None:
    """Refuse a run that the machine can't hold, before its folder is made.

    Args:
        plan: what is about to be done.
        folder: where its files go; it need not be there yet.
        begun: whether it has checkpoints already.

    Raises:
        NumericsError: with the recipe's key, what is needed and what there is, and what to do.
    """
    recipe, assembly, device = plan.recipe, plan.assembly, plan.runtime.device
    train = recipe.train
    tensors = list(assembly.fields.predictor.parameters())
    count, weights = sum(p.numel() for p in tensors), sum(p.numel() * p.element_size() for p in tensors)
    gradients = sum(p.numel() * p.element_size() for p in tensors if p.requires_grad)
    average = train.averages
    network, smaller = recipe.where("network"), "a smaller network (width, depth)"
    what = f"{count:,} parameters"
    shape, size = assembly.process.shape, max((p.element_size() for p in tensors), default=4)
    if train.steps:
        # On the CPU the weights themselves have been made, and are no longer among what is free.
        copies = average + int(device.type != "cpu")
        held = f"{what} and copies of them (gradients{', running averages' if average else ''})"
        refuse_beyond_memory(gradients + copies * weights, held, device=device, where=network, fix=smaller)
        batch, draws = _HELD * train.batch * math.prod(shape) * size, f"{train.batch} draws of shape {shape}"
        fix = f"train.batch={max(1, train.batch // 2)}"
        refuse_beyond_memory(batch, draws, device=device, where=recipe.where("train.batch"), fix=fix)
    if not begun:
        kept = train.ema.snapshots if isinstance(train.ema, PowerAverages) else 0
        refuse_beyond_disk(
            (2 + average * (1 + kept)) * weights,
            f"checkpoints{' and averages' if kept else ''} of {what}",
            folder,
            where=network,
            fix=smaller,
        )
    refuse_samples(recipe.sample.number, shape, size, where=recipe.where("sample.number"), folder=folder)
