"""The optimizer of a recipe, made and restored, and the running average of weights."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from si_core.errors import StorageError
from si_core.recipes.training import SGD, Adam, AdamW

__all__ = ["averaging", "build_optimizer", "restore_optimizer"]


def build_optimizer(chosen: Adam | AdamW | SGD, parameters: list[nn.Parameter]) -> torch.optim.Optimizer:
    """The optimizer that a recipe chooses, fused: all parameters in one kernel."""
    if isinstance(chosen, SGD):
        return torch.optim.SGD(
            parameters,
            lr=chosen.lr,
            momentum=chosen.momentum,
            nesterov=chosen.nesterov,
            weight_decay=chosen.weight_decay,
            fused=True,
        )
    kind = torch.optim.AdamW if isinstance(chosen, AdamW) else torch.optim.Adam
    betas = (chosen.betas[0], chosen.betas[1])
    return kind(parameters, lr=chosen.lr, betas=betas, eps=chosen.eps, weight_decay=chosen.weight_decay, fused=True)


def restore_optimizer(optimizer: torch.optim.Optimizer, state: dict[str, Any], where: str, name: str) -> None:
    """Go on with the moments of a checkpoint, under the recipe's settings, also where those were changed by force.

    Args:
        optimizer: of the recipe.
        state: of the checkpoint, as from ``state_dict``.
        where: the checkpoint, for the error.
        name: of the recipe's optimizer.

    Raises:
        StorageError: the checkpoint is of another optimizer.
    """
    own = [{key: value for key, value in group.items() if key != "params"} for group in optimizer.param_groups]
    stored = [set(group) - {"params"} for group in state["param_groups"]]
    if stored != [set(group) for group in own]:
        raise StorageError(
            "the checkpoint is of another optimizer",
            where=where,
            allowed=name,
            fix="resume with the optimizer the run was started with, or start a new run",
        )
    optimizer.load_state_dict(state)
    for group, settings in zip(optimizer.param_groups, own, strict=True):
        group.update(settings)


def averaging(decay: float) -> Any:
    """An exponential moving average whose memory grows with the steps done, so that the start is forgotten."""

    @torch.no_grad()
    def update(averages: list[Tensor], values: list[Tensor], count: Tensor | int) -> None:
        done = int(count)
        weight = 1 - min(decay, (1 + done) / (10 + done))
        torch._foreach_lerp_(averages, values, weight)

    return update
