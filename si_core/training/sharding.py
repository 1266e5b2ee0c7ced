"""Weights spread over the processes, by torch's own FSDP2: for networks that outgrow one device.

Each process keeps its part of every weight, of its gradient, its running average and what the optimizer knows of it,
and gathers a block's weights when the block is called (``torch.distributed.fsdp.fully_shard``). A checkpoint has them
whole, as safetensors like any other: it is read without pickle, and by any number of processes. Process 0 gathers them
one after another, and needs host memory for all of them.
"""

from __future__ import annotations

import copy
import warnings
from collections.abc import Iterator

import torch
from torch import nn

from si_core.contract.processes import Processes
from si_core.contract.runtime import Runtime
from si_core.contract.together import is_alone
from si_core.errors import UsageError
from si_core.fields.predictor import Predictor
from si_core.training.averages import Averages
from si_core.training.spread_tensors import whole

__all__ = ["Spread", "spread", "unfuse"]


class Spread:
    """The weights of networks and of their averages, spread over the processes.

    Args:
        predictor: the networks, in place; equal on all processes.
        averages: theirs, in place.
        processes: those that share a training.
    """

    def __init__(self, predictor: Predictor, averages: Averages, processes: Processes) -> None:
        self._whole = copy.deepcopy(predictor).cpu()
        for module in (predictor, *(average.module for average in averages.groups.values())):
            if isinstance(module, Predictor):
                _shard(module.networks, processes)
                if module is not predictor:
                    _forget_after_calls(module.networks)

    def gathered(self, module: nn.Module) -> nn.Module:
        """Networks with the weights of one of these, whole; all processes have to ask.

        Raises:
            UsageError: this process asks by itself.
        """
        if is_alone():
            raise UsageError(
                "a model of weights that are spread over the processes can't be had while it is trained",
                where="train.shard",
                fix="train.shard: false, or leave out what asks for it",
            )
        found, device = copy.deepcopy(self._whole), next(module.parameters()).device
        found.load_state_dict({name: whole(value) for name, value in module.state_dict().items()})
        return found.to(device).train(module.training)


def spread(predictor: nn.Module, averages: Averages, runtime: Runtime) -> Spread | None:
    """Spread weights over the processes of a runtime; None where there is one process."""
    if runtime.processes is None or not isinstance(predictor, Predictor):
        return None
    return Spread(predictor, averages, runtime.processes)


def unfuse(optimizer: torch.optim.Optimizer) -> None:
    """Let an optimizer take its steps in parts: not every fused step of torch takes weights that are spread."""
    for group in optimizer.param_groups:
        group.update({"fused": False} if "fused" in group else {})


def _shard(networks: nn.ModuleList, processes: Processes) -> None:
    """Spread the weights of networks, each block of a list of blocks by itself."""
    from torch.distributed.device_mesh import init_device_mesh
    from torch.distributed.fsdp import fully_shard

    # The outputs of networks are changed by nobody in place.
    warnings.filterwarnings("ignore", "FSDP2-wrapped module .* returned a view", UserWarning)
    mesh = init_device_mesh(processes.device.type, (processes.world,))
    for network in networks:
        for block in _blocks(network):
            fully_shard(block, mesh=mesh)
        fully_shard(network, mesh=mesh)


def _forget_after_calls(networks: nn.ModuleList) -> None:
    """Let networks gather their weights anew at each call.

    The outermost part keeps them gathered for the backward pass, which averages never have: from its second call on it
    would be called with the weights of the first.
    """
    for network in networks:
        network.register_forward_hook(lambda module, inputs, output: module.reshard())


def _blocks(module: nn.Module) -> Iterator[nn.Module]:
    """The parts of a network that stand in lists and are called, the outermost of them, with weights of their own."""
    listed = isinstance(module, nn.ModuleList | nn.Sequential)
    for child in module.children():
        if not listed or isinstance(child, nn.ModuleList | nn.ModuleDict):
            yield from _blocks(child)
        elif next(child.parameters(), None) is not None:
            yield child
