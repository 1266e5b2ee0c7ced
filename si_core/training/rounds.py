"""Rounds of training: between two of them the coupling learns from the model so far."""

from __future__ import annotations

import torch
from torch import nn

from si_core.contract.runtime import Runtime
from si_core.models.assembly import Assembly
from si_core.models.streams import reseed
from si_core.recipes.training import Train

__all__ = ["refit", "round_end", "round_length"]


def round_length(train: Train) -> int:
    """The steps of a round; the last one has those that are left over as well."""
    return max(train.steps // train.rounds, 1)


def round_end(train: Train, step: int) -> int:
    """The step after the last one for which the coupling is as it is for this one."""
    length = round_length(train)
    number = min(step // length, train.rounds - 1)
    return (number + 1) * length if number < train.rounds - 1 else train.steps


def refit(assembly: Assembly, step: int, trained: nn.Module, runtime: Runtime) -> None:
    """Let the coupling learn from the model, if a round has just ended and another follows.

    Args:
        assembly: the recipe, put together.
        step: the steps done.
        trained: the predictor to sample from.
        runtime: where and how to sample.
    """
    train = assembly.recipe.train
    done, over = divmod(step, round_length(train))
    if over or not 0 < done < train.rounds:
        return
    was_training = trained.training
    try:
        # What is learned is the process; guidance is of sampling.
        model = assembly.model(assembly.fields.of(trained.eval())).with_guidance(())  # type: ignore[arg-type]
        model = model.on(runtime)
        stream = reseed(runtime.generator(), assembly.recipe.seed, "data", 2, done)
        with torch.no_grad():
            assembly.process.coupling.refit(model, done, stream)
    finally:
        trained.train(was_training)
