"""The memory of training by kind: counted from a trainer's state, or from shapes alone where no step can be tried.

Shapes are those of a copy on torch's ``meta`` device, which has no numbers. The optimizer takes one step there, so what
it keeps is counted whichever it is.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from si_core.recipes.recipe import Recipe
from si_core.training.optimizer import build_optimizer

__all__ = ["TrainingMemory", "counted", "of_state"]


@dataclass(frozen=True)
class TrainingMemory:
    """Bytes that training holds from its first step to its last.

    Args:
        weights: of the networks, buffers among them.
        gradients: of those that are trained.
        optimizer: what the optimizer keeps between steps; None where that can't be counted.
        averages: of the weights.
        process: parts of the process that learn, with their optimizer's state, and what else a checkpoint has.
    """

    weights: int
    gradients: int
    optimizer: int | None
    averages: int
    process: int = 0

    def kinds(self) -> dict[str, int | None]:
        """By kind; the process where there is something."""
        kinds = {
            "weights": self.weights,
            "gradients": self.gradients,
            "optimizer state": self.optimizer,
            "averages": self.averages,
        }
        return kinds | ({"process and times": self.process} if self.process else {})

    @property
    def stored(self) -> int:
        """What a checkpoint has of it: all but the gradients."""
        return self.weights + (self.optimizer or 0) + self.averages + self.process

    @property
    def total(self) -> int:
        """All of it."""
        return self.gradients + self.stored


def of_state(groups: Mapping[str, Mapping[str, Tensor]], parameters: Iterable[Tensor]) -> TrainingMemory:
    """The memory of a trainer, by the groups of tensors that a checkpoint of it has.

    Args:
        groups: tensors by group and name, after a step.
        parameters: those that are trained.
    """
    sizes = {name: sum(map(_size, tensors.values())) for name, tensors in groups.items()}
    weights, optimizer = sizes.pop("weights"), sizes.pop("optimizer")
    averages = sum(sizes.pop(name) for name in list(sizes) if name.startswith("average"))
    return TrainingMemory(weights, sum(map(_size, parameters)), optimizer, averages, sum(sizes.values()))


def counted(recipe: Recipe, networks: nn.Module) -> TrainingMemory:
    """The memory of training some networks as a recipe says, by their shapes; they stay as they are."""
    outline = _without_numbers(networks)
    parameters = [parameter for parameter in outline.parameters() if parameter.requires_grad]
    weights = sum(_size(tensor) for tensor in outline.state_dict().values() if isinstance(tensor, Tensor))
    if not recipe.train.steps:
        return TrainingMemory(weights, 0, 0, 0)
    averages = 0 if recipe.train.ema is None else weights
    return TrainingMemory(weights, sum(map(_size, parameters)), _optimizer(recipe, parameters), averages)


def _without_numbers(networks: nn.Module) -> nn.Module:
    """A copy whose tensors have shapes alone; no number is copied."""
    memo: dict[int, Tensor] = {id(buffer): buffer.to("meta") for buffer in networks.buffers()}
    for parameter in networks.parameters():
        memo[id(parameter)] = nn.Parameter(parameter.detach().to("meta"), parameter.requires_grad)
    return copy.deepcopy(networks, memo)


def _optimizer(recipe: Recipe, parameters: list[nn.Parameter]) -> int | None:
    try:
        optimizer = build_optimizer(recipe, parameters)
        for parameter in parameters:
            parameter.grad = torch.empty_like(parameter)
        optimizer.step()
    except (RuntimeError, NotImplementedError, TypeError, ValueError):
        return None  # one that looks at numbers
    return sum(map(_size, _tensors(optimizer.state)))


def _tensors(value: object) -> list[Tensor]:
    """All tensors in a state."""
    if isinstance(value, Tensor):
        return [value]
    inner = value.values() if isinstance(value, Mapping) else value if isinstance(value, list | tuple) else ()
    return [tensor for each in inner for tensor in _tensors(each)]


def _size(tensor: Tensor) -> int:
    return tensor.numel() * tensor.element_size()
