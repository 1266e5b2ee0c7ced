"""What training moves, as checkpoints keep it: weights, their averages, the optimizer's state, parts of the process."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from si_core.models.learnable import load_parts, parts_tensors
from si_core.storage.nested import flatten_state, stored_state, unflatten_state
from si_core.storage.weights import load_into
from si_core.training.averages import Averages
from si_core.training.optimizer import class_name, restore_optimizer
from si_core.training.spread_tensors import like, whole

__all__ = ["TrainedParts"]


@dataclass(frozen=True)
class TrainedParts:
    """The modules that are trained, with their optimizer.

    Args:
        predictor: the networks.
        averages: of their weights.
        optimizer: theirs.
        optimizer_name: as the recipe selects it, for errors.
        process: the parts of the process that learn.
    """

    predictor: nn.Module
    averages: Averages
    optimizer: torch.optim.Optimizer
    optimizer_name: str
    process: nn.ModuleDict

    @property
    def groups(self) -> set[str]:
        """The groups of tensors that a checkpoint has to have for them."""
        process = {"process"} if parts_tensors(self.process) else set()
        return {"weights", "optimizer", *self.averages.groups, *process}

    def state(self) -> tuple[dict[str, dict[str, Tensor]], dict[str, Any]]:
        """Tensors by group, and the rest as plain data."""
        tensors = {"weights": _tensors(self.predictor)}
        tensors |= {group: _tensors(average) for group, average in self.averages.groups.items()}
        found, optimizer = flatten_state(self.optimizer.state_dict())
        tensors["optimizer"] = {name: whole(value) for name, value in found.items()}
        parts = parts_tensors(self.process)
        if parts:
            tensors["process"] = parts
        return tensors, {"optimizer": optimizer, "optimizer_class": class_name(self.optimizer)}

    def restore(self, tensors: dict[str, dict[str, Tensor]], state: dict[str, Any], where: str) -> None:
        """Load what :meth:`state` gave.

        Args:
            tensors: with all :attr:`groups`.
            state: the rest, with the optimizer's.
            where: the checkpoint.

        Raises:
            StorageError: a part is of no known form, or of another recipe.
        """
        _load(self.predictor, tensors["weights"], f"{where}/weights.safetensors")
        for group, average in self.averages.groups.items():
            _load(average, tensors[group], f"{where}/{group}.safetensors")
        with stored_state(f"{where}/state.json"):
            stored = unflatten_state(tensors["optimizer"], state["optimizer"])
            made_by = state.get("optimizer_class", class_name(self.optimizer))
            restore_optimizer(self.optimizer, self._spread(stored), where, self.optimizer_name, made_by)
        if "process" in self.groups:
            load_parts(self.process, tensors["process"], f"{where}/process.safetensors")

    def _spread(self, state: dict[str, Any]) -> dict[str, Any]:
        """An optimizer's state whose tensors are spread as its parameters are."""
        parameters = [parameter for group in self.optimizer.param_groups for parameter in group["params"]]
        kept = state["state"]
        return {
            **state,
            "state": {i: {key: like(value, parameters[i]) for key, value in kept[i].items()} for i in kept},
        }


def _tensors(module: nn.Module) -> dict[str, Tensor]:
    return {name: whole(value) for name, value in module.state_dict().items() if isinstance(value, Tensor)}


def _load(module: nn.Module, tensors: dict[str, Tensor], where: str) -> None:
    own = module.state_dict()
    load_into(module, {name: like(value, own.get(name)) for name, value in tensors.items()}, where)
