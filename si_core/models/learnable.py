"""The learnable parts of a process: its interpolant, latent or coupling where that is a torch module.

Their parameters are trained by objectives with a part in them (:attr:`si_core.Objective.process_role`); their buffers,
such as the pairs of a coupling that is refitted, are kept with the weights.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from si_core.process.process import StochasticInterpolant
from si_core.storage.weights import load_into

__all__ = ["PREFIX", "freeze", "learnable_parts", "load_parts", "parts_tensors"]

PREFIX = "process."
"""What the names of their tensors begin with beside those of networks."""


def learnable_parts(process: StochasticInterpolant) -> nn.ModuleDict:
    """The parts that are modules, by their key in a recipe."""
    parts = {"interpolant": process.interpolant, "latent": process.latent, "coupling": process.coupling}
    return nn.ModuleDict({name: part for name, part in parts.items() if isinstance(part, nn.Module)})


def freeze(process: StochasticInterpolant) -> frozenset[str]:
    """Turn the gradients of the parts' parameters off: whoever trains them turns them on for that alone.

    Returns:
        The names ``key.name`` of those that are to be trained: the ones that their authors have not frozen.
    """
    parts = learnable_parts(process)
    trained = frozenset(name for name, parameter in parts.named_parameters() if parameter.requires_grad)
    parts.requires_grad_(False)
    return trained


def parts_tensors(parts: nn.ModuleDict) -> dict[str, Tensor]:
    """The parameters and buffers of the parts, by names with the prefix."""
    state = parts.state_dict().items()
    return {f"{PREFIX}{name}": value for name, value in state if isinstance(value, Tensor)}


def load_parts(parts: nn.ModuleDict, tensors: Mapping[str, Tensor], where: str) -> dict[str, Tensor]:
    """Fill the parts from the tensors with the prefix; returns the others.

    A buffer that is still empty takes the shape of what is stored: pairs that are made between rounds, say.

    Raises:
        StorageError: they don't fit; nothing is changed.
    """
    own = {name.removeprefix(PREFIX): value for name, value in tensors.items() if name.startswith(PREFIX)}
    for place, module in parts.named_modules():
        for name, buffer in module.named_buffers(recurse=False):
            stored = own.get(f"{place}.{name}")
            if buffer.numel() == 0 and stored is not None:
                setattr(module, name, torch.empty_like(stored, device=buffer.device))
    load_into(parts, own, where)
    return {name: value for name, value in tensors.items() if not name.startswith(PREFIX)}
