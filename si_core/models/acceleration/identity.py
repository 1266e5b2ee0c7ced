"""What a recorded loop depends on without being told: which objects, where their tensors are, and what they say."""

from __future__ import annotations

from collections.abc import Hashable

import torch
from torch import Tensor, nn

from si_core.contract.condition import Condition
from si_core.contract.integrator import Integrator
from si_core.models.learnable import learnable_parts
from si_core.process.process import StochasticInterpolant

__all__ = ["Same", "condition_key", "method_key", "networks_key", "process_key", "tensor_key"]

_PLAIN = (bool, int, float, str, type(None), torch.dtype)


class Same:
    """An object as a key: equal to itself alone, whatever it says of equality.

    It is held, so that no other object can take its place in memory.
    """

    def __init__(self, it: object) -> None:
        self.it = it

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Same) and other.it is self.it

    def __hash__(self) -> int:
        return id(self.it)


def tensor_key(x: Tensor | None) -> Hashable:
    """Shape, layout, precision and device."""
    return None if x is None else (x.shape, x.stride(), x.dtype, x.device)


def condition_key(condition: Condition | None) -> Hashable:
    """What recorded work depends on of what networks are given: all but the numbers."""
    return tuple((name, tensor_key(values)) for name, values in (condition or {}).items())


def networks_key(module: nn.Module) -> Hashable:
    """Where the tensors of a module are, whatever their values, and the plain attributes of its parts."""
    tensors = [*module.parameters(), *module.buffers()]
    plain = (
        tuple((name, value) for name, value in vars(part).items() if type(value) in _PLAIN) for part in module.modules()
    )
    return tuple((tensor.data_ptr(), tensor_key(tensor)) for tensor in tensors), tuple(plain)


def process_key(process: StochasticInterpolant) -> Hashable:
    """Where the learned tensors of a process are, and how often they were written: scalars are computed from them."""
    parts = learnable_parts(process)
    return tuple((value.data_ptr(), _version(value)) for value in (*parts.parameters(), *parts.buffers()))


def _version(value: Tensor) -> int:
    return 0 if value.is_inference() else value._version


def method_key(method: Integrator) -> Hashable | None:
    """A method by its options; None where they can't be compared."""
    key = (type(method), tuple(sorted(vars(method).items())))
    try:
        hash(key)
    except TypeError:
        return None
    return key
