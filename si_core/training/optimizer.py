"""The optimizer of a recipe, made and restored."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from si_core.contract.optimizer import Optimizer
from si_core.errors import PluginError, StorageError
from si_core.models.parts import build_selection
from si_core.recipes.recipe import Recipe

__all__ = ["build_optimizer", "class_name", "restore_optimizer"]


def build_optimizer(recipe: Recipe, parameters: list[nn.Parameter]) -> torch.optim.Optimizer:
    """The optimizer that a recipe chooses, new.

    Raises:
        RecipeError: its options are refused.
        PluginError: what is built is none.
    """
    selection, where = recipe.train.optimizer, recipe.where("train.optimizer")
    maker = build_selection(recipe, "train.optimizer", selection)
    if isinstance(maker, Optimizer):
        built: Any = maker.build(parameters)
    else:
        built = maker(parameters) if callable(maker) else maker
    if not isinstance(built, torch.optim.Optimizer):
        problem = f"optimizer {selection.name!r} builds no torch.optim.Optimizer"
        raise PluginError(problem, where=where, got=type(built).__name__)
    held = {id(parameter) for group in built.param_groups for parameter in group["params"]}
    if held != {id(parameter) for parameter in parameters}:
        problem = f"optimizer {selection.name!r} must hold the parameters it is given, each once"
        raise PluginError(problem, where=where, got=f"{len(held)} of {len(parameters)}")
    return built


def class_name(optimizer: torch.optim.Optimizer) -> str:
    """Which optimizer a state is of: two may have groups of the same keys, and read each other's moments wrongly."""
    return f"{type(optimizer).__module__}.{type(optimizer).__qualname__}"


def restore_optimizer(
    optimizer: torch.optim.Optimizer, state: dict[str, Any], where: str, name: str, made_by: str
) -> None:
    """Go on with the moments of a checkpoint, under the recipe's settings, also where those were changed by force.

    Args:
        optimizer: of the recipe.
        state: of the checkpoint, as from ``state_dict``.
        where: the checkpoint, for the error.
        name: of the recipe's optimizer.
        made_by: :func:`class_name` of the optimizer whose state it is.

    Raises:
        StorageError: the checkpoint is of another optimizer.
    """
    own = [{key: value for key, value in group.items() if key != "params"} for group in optimizer.param_groups]
    stored = [set(group) - {"params"} for group in state["param_groups"]]
    if made_by != class_name(optimizer) or stored != [set(group) for group in own]:
        raise StorageError(
            "the checkpoint is of another optimizer",
            where=where,
            got=made_by,
            allowed=f"{class_name(optimizer)}, by {name!r}",
            fix="resume with the optimizer the run was started with, or start a new run",
        )
    optimizer.load_state_dict(state)
    for parameter, kept in optimizer.state.items():
        # Fused steps of torch compare no sizes: they would write beyond a tensor that is smaller.
        for key, value in kept.items():
            if isinstance(value, Tensor) and value.ndim and value.shape != parameter.shape and "fused" in own[0]:
                raise ValueError(f"{key} of shape {tuple(value.shape)} for a parameter of {tuple(parameter.shape)}")
    for group, settings in zip(optimizer.param_groups, own, strict=True):
        group.update(settings)
