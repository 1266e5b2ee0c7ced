"""The residual multilayer perceptron: the network for tables of many columns.

    ``h_0 = W_x x + b``,   ``h_k = h_{k-1} + g_k V_k a(W_k ((1 + c_k) norm(h_{k-1}) + d_k))``,
    ``f = V ((1 + c) norm(h_depth) + d)``,    ``a = silu``,

where scales c, shifts d and gates g are linear in a(e), e being the vector of times and conditions
(:mod:`si_networks.conditioning`). They start at zero, so that each block starts as the identity (the network for
single tokens of Li et al., arXiv 2406.11838; Peebles and Xie, arXiv 2212.09748).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Annotated

import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor, nn

from si_core import Condition, ConditionSpec, Largest
from si_networks.conditioning import Conditioning
from si_networks.field_network import FieldNetwork
from si_networks.first_weights import start_at_zero, start_small
from si_networks.ranges import check_fraction, check_whole

__all__ = ["ResMlp"]

_EXPANSION = 64
"""The most units of a block for each of its width."""


class ResMlp(FieldNetwork):
    """A residual multilayer perceptron on ``(t, x)`` and conditions of any number and shape.

    Args:
        shape: the event shape; supplied by the builder.
        heads: the number of fields predicted, or None for one without an axis of heads; supplied by the builder.
        conditions: what it is given beside, by name; supplied by the builder.
        width: of what the blocks add to.
        depth: the number of blocks.
        expansion: the units of a block as a multiple of the width.
        dropout: the share of units that training leaves out.
        two_times: whether there is a second time; supplied by the builder.

    Raises:
        UsageError: an option out of range.
    """

    name = "resmlp"

    def __init__(
        self,
        shape: tuple[int, ...],
        heads: int | None = None,
        conditions: Mapping[str, ConditionSpec] | None = None,
        width: Annotated[int, Field(ge=2, le=Largest.WIDTH)] = 256,
        depth: Annotated[int, Field(ge=1, le=Largest.DEPTH)] = 4,
        expansion: Annotated[int, Field(ge=1, le=_EXPANSION)] = 2,
        dropout: Annotated[float, Field(ge=0, lt=1)] = 0.0,
        two_times: bool = False,
    ) -> None:
        super().__init__(shape, heads, conditions)
        check_whole("resmlp: width", width, 2, Largest.WIDTH)
        check_whole("resmlp: depth", depth, 1, Largest.DEPTH)
        check_whole("resmlp: expansion", expansion, 1, _EXPANSION)
        check_fraction("resmlp: dropout", dropout)
        dimensions = math.prod(self.shape)
        self.of_state = nn.Linear(dimensions, width)
        self.of_others = Conditioning("resmlp", self.conditions, width, two_times=two_times)
        self.blocks = nn.ModuleList(_Block(width, expansion * width, dropout) for _ in range(depth))
        self.modulation = start_at_zero(nn.Linear(width, 2 * width))
        self.output = nn.Linear(width, (heads or 1) * dimensions)
        start_small(self.output)

    def outputs(self, t: Tensor, x: Tensor, condition: Condition | None, s: Tensor | None) -> Tensor:
        vector = F.silu(self.of_others(t, x, condition, s))
        h = self.of_state(x.flatten(1))
        for block in self.blocks:
            h = block(h, vector)
        scale, shift = self.modulation(vector).chunk(2, -1)
        return self.output(_modulated(h, scale, shift))


class _Block(nn.Module):
    """``h + g V a(W ((1 + c) norm(h) + d))``, for h (B, width) and vectors (B or 1, width)."""

    def __init__(self, width: int, units: int, dropout: float) -> None:
        super().__init__()
        self.dropout = dropout
        self.modulation = start_at_zero(nn.Linear(width, 3 * width))
        self.hidden, self.output = nn.Linear(width, units), nn.Linear(units, width)

    def forward(self, h: Tensor, vector: Tensor) -> Tensor:
        scale, shift, gate = self.modulation(vector).chunk(3, -1)
        units = F.dropout(F.silu(self.hidden(_modulated(h, scale, shift))), self.dropout, self.training)
        return torch.addcmul(h, gate, self.output(units))


def _modulated(h: Tensor, scale: Tensor, shift: Tensor) -> Tensor:
    return torch.addcmul(shift, F.layer_norm(h, h.shape[-1:]), 1 + scale)
