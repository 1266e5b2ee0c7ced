"""A learned interpolant of general form, whose ends are built in:

    ``I(t, x0, x1) = (1-t) x0 + t x1 + t(1-t) N(t, x0, x1)``

with a network N that begins at 0, so that training begins with the linear path (arXiv 2303.08797, section 5.3).
"""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Annotated

import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor, nn

from si_core import Interpolant, Largest, UniformClock, UsageError

__all__ = ["LearnedPath"]


class LearnedPath(nn.Module, Interpolant):
    """``(1-t) x0 + t x1 + t(1-t) N(t, x0, x1)``, with N a multilayer perceptron of smooth activation.

    Args:
        shape: the event shape; supplied by the builder.
        width: the units of a hidden layer.
        depth: the number of hidden layers.
        seed: of the initial weights.

    Raises:
        UsageError: states of another event shape than ``shape``.
    """

    clock = UniformClock()

    def __init__(
        self,
        shape: tuple[int, ...],
        width: Annotated[int, Field(ge=1, le=Largest.WIDTH)] = 64,
        depth: Annotated[int, Field(ge=1, le=Largest.DEPTH)] = 2,
        seed: Annotated[int, Field(ge=0, lt=2**63)] = 0,
    ) -> None:
        super().__init__()
        self.shape = tuple(shape)
        size = math.prod(self.shape)
        generator = torch.Generator().manual_seed(seed)
        sizes = [2 * size + 1, *[width] * depth, size]
        self.weights, self.biases = nn.ParameterList(), nn.ParameterList()
        for layer, (before, after) in enumerate(pairwise(sizes)):
            scale = 0.0 if layer == depth else 1 / math.sqrt(before)
            self.weights.append(nn.Parameter(scale * torch.randn(after, before, generator=generator)))
            self.biases.append(nn.Parameter(torch.zeros(after)))

    def value(self, t: Tensor, x0: Tensor, x1: Tensor) -> Tensor:
        if tuple(x0.shape[1:]) != self.shape:
            got = f"states of shape {tuple(x0.shape[1:])}"
            raise UsageError("a learned path is one of a given event shape", got=got, allowed=str(self.shape))
        times = t.reshape(-1, 1).expand(len(x0), 1)
        bend = self._network(torch.cat([x0.flatten(1), x1.flatten(1), times], -1)).reshape(x0.shape)
        return (1 - t) * x0 + t * x1 + t * (1 - t) * bend

    def _network(self, h: Tensor) -> Tensor:
        last = len(self.weights) - 1
        for layer, (weight, bias) in enumerate(zip(self.weights, self.biases, strict=True)):
            h = F.linear(h, weight, bias)
            h = h if layer == last else F.silu(h)
        return h
