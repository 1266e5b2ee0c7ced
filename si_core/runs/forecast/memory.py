"""The memory of training by kind: counted from a trainer's state, or from shapes alone where no step can be tried.

What an optimizer keeps is counted whichever it is: it takes one step on one parameter of each shape, one at a time.
"""

from __future__ import annotations

from collections import Counter
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
        optimizer: what the optimizer keeps between steps.
        averages: of the weights.
        process: parts of the process that learn, with their optimizer's state, and what else a checkpoint has.
    """

    weights: int
    gradients: int
    optimizer: int
    averages: int
    process: int = 0

    def kinds(self) -> dict[str, int]:
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
        return self.weights + self.optimizer + self.averages + self.process

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
    """The memory of training some networks as a recipe says, by their shapes; they may be without numbers."""
    parameters = [parameter for parameter in networks.parameters() if parameter.requires_grad]
    weights = sum(_size(tensor) for tensor in networks.state_dict().values() if isinstance(tensor, Tensor))
    if not recipe.train.steps:
        return TrainingMemory(weights, 0, 0, 0)
    averages = recipe.train.averages * weights
    return TrainingMemory(weights, sum(map(_size, parameters)), _optimizer(recipe, parameters), averages)


def _optimizer(recipe: Recipe, parameters: list[nn.Parameter]) -> int:
    shapes = Counter((parameter.shape, parameter.dtype) for parameter in parameters)
    return sum(count * _state(recipe, shape, dtype) for (shape, dtype), count in shapes.items())


def _state(recipe: Recipe, shape: torch.Size, dtype: torch.dtype) -> int:
    """What the optimizer of a recipe keeps of one parameter."""
    parameter = nn.Parameter(torch.ones(shape, dtype=dtype))
    parameter.grad = torch.ones_like(parameter)
    optimizer = build_optimizer(recipe, [parameter])
    optimizer.step()
    return sum(map(_size, _tensors(optimizer.state)))


def _tensors(value: object) -> list[Tensor]:
    """All tensors in a state."""
    if isinstance(value, Tensor):
        return [value]
    inner = value.values() if isinstance(value, Mapping) else value if isinstance(value, list | tuple) else ()
    return [tensor for each in inner for tensor in _tensors(each)]


def _size(tensor: Tensor) -> int:
    return tensor.numel() * tensor.element_size()
