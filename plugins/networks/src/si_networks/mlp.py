"""The multilayer perceptron: the network for states of a few to a few hundred dimensions.

    ``h_1 = a(W_x x + W_t phi(t) + b + sum_c e(c))``,   ``h_k = a(W_k h_{k-1} + b_k)``,   ``f = V h_depth + v``

with the activation a, Fourier features ``phi(t) = (sin(pi k t), cos(pi k t))``, ``k = 1..time_features/2``, and for
each condition an embedding e of its class, or ``e(c) = W_c (c - mean)/scale`` of its values. A second time s, where an
objective has two, adds ``W_s phi(s)``. Time enters beside x
rather than within it, so that in sampling, where all states share one t, its part of the first layer is one vector:
the layer's bias.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Annotated, Literal

import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor, nn

from si_core import Condition, ConditionSpec, Largest, UsageError
from si_networks.embeddings import embedding
from si_networks.field_network import FieldNetwork
from si_networks.first_weights import start_small
from si_networks.mlp_divergence import Layers, value_and_divergence
from si_networks.ranges import check_whole
from si_networks.times import as_times, refuse_second_time

__all__ = ["Mlp"]

_ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "silu": F.silu,
    "relu": F.relu,
    "gelu": F.gelu,
    "tanh": torch.tanh,
}


class Mlp(FieldNetwork):
    """A multilayer perceptron on ``(t, x)`` and conditions of any number and shape.

    Args:
        shape: the event shape; supplied by the builder.
        heads: the number of fields predicted, or None for one without an axis of heads; supplied by the builder.
        conditions: what it is given beside, by name; supplied by the builder.
        width: the units of a hidden layer.
        depth: the number of hidden layers.
        activation: between the layers; relu has jumps in its derivative, which likelihoods integrate.
        time_features: how many sines and cosines of t the first layer sees, an even number.
        two_times: whether there is a second time, seen by features of its own; supplied by the builder.

    Raises:
        UsageError: an option out of range.
    """

    name = "mlp"

    frequencies: Tensor
    phases: Tensor

    def __init__(
        self,
        shape: tuple[int, ...],
        heads: int | None = None,
        conditions: Mapping[str, ConditionSpec] | None = None,
        width: Annotated[int, Field(ge=1, le=Largest.WIDTH)] = 256,
        depth: Annotated[int, Field(ge=1, le=Largest.DEPTH)] = 4,
        activation: Literal["silu", "relu", "gelu", "tanh"] = "silu",
        time_features: Annotated[int, Field(ge=2, le=Largest.WIDTH, multiple_of=2)] = 16,
        two_times: bool = False,
    ) -> None:
        super().__init__(shape, heads, conditions)
        check_whole("mlp: width", width, 1, Largest.WIDTH)
        check_whole("mlp: depth", depth, 1, Largest.DEPTH)
        check_whole("mlp: time_features", time_features, 2, Largest.WIDTH, even=True)
        if activation not in _ACTIVATIONS:
            raise UsageError(
                "unknown activation", where="mlp: activation", got=repr(activation), allowed=", ".join(_ACTIVATIONS)
            )
        self.width, self.depth, self.activation, self.time_features = width, depth, activation, time_features
        dimensions = math.prod(self.shape)
        angular = math.pi * torch.arange(1, time_features // 2 + 1)
        self.register_buffer("frequencies", torch.cat([angular, angular]), persistent=False)
        quarter = torch.tensor([0.0, math.pi / 2]).repeat_interleave(time_features // 2)
        self.register_buffer("phases", quarter, persistent=False)
        self.of_state = nn.Linear(dimensions, width, bias=False)
        self.of_time = nn.Linear(time_features, width)
        self.of_second_time = nn.Linear(time_features, width, bias=False) if two_times else None
        self.hidden = nn.ModuleList(nn.Linear(width, width) for _ in range(depth - 1))
        self.output = nn.Linear(width, (heads or 1) * dimensions)
        # A list, for the name of a condition may be none of a module's.
        self.of_conditions = nn.ModuleList(embedding(spec, width) for spec in self.conditions.values())
        start_small(self.output)

    def outputs(self, t: Tensor, x: Tensor, condition: Condition | None, s: Tensor | None) -> Tensor:
        h, rows, weight = self._beside(t, x, condition, s), x.flatten(1), self.of_state.weight
        # One vector for all states goes through the matrix product as its bias, without a kernel of its own.
        h = F.linear(rows, weight, h) if h.ndim == 1 else torch.addmm(h, rows, weight.T)
        activation = _ACTIVATIONS[self.activation]
        h = activation(h)
        for layer in self.hidden:
            # One name and two statements: what is no longer needed is free before the next kernel asks for memory.
            h = layer(h)
            h = activation(h)
        return self.output(h)

    def with_divergence(
        self,
        t: Tensor,
        x: Tensor,
        condition: Condition | None = None,
        probes: Tensor | None = None,
        s: Tensor | None = None,
    ) -> tuple[Tensor, Tensor]:
        """The fields at ``(t, x)`` with their divergences in x, in one pass (:mod:`si_networks.mlp_divergence`).

        Both can be differentiated where gradient mode is on.

        Args:
            t, x, condition, s: as for :meth:`forward`.
            probes: shape (K, B, *event), for ``v . J v`` of each probe v; None for the exact divergence.

        Returns:
            What :meth:`forward` gives, and the divergence of each field: shape (B,), or (B, heads) where ``heads`` was
            given; with probes (B, K) or (B, heads, K).

        Raises:
            UsageError: as for :meth:`forward`.
        """
        self.check(x, condition)
        hidden = tuple((layer.weight, layer.bias) for layer in self.hidden)
        layers = Layers(self.of_state.weight, hidden, self.output.weight, self.output.bias, self.activation)
        directions = None if probes is None else probes.flatten(2).transpose(0, 1)
        value, divergence = value_and_divergence(layers, self._beside(t, x, condition, s), x.flatten(1), directions)
        return self.events(value), divergence[:, 0] if self.heads is None else divergence

    def _beside(self, t: Tensor, x: Tensor, condition: Condition | None, s: Tensor | None) -> Tensor:
        """What the first layer is given beside x: shape (width,) where it is one for all states, or (B, width)."""
        h: Tensor = self.of_time(self._features(t, x))
        if self.of_second_time is not None:
            h = h + self.of_second_time(self._features(t if s is None else s, x))
        else:
            refuse_second_time(s, "mlp")
        given = condition or {}
        for name, part in zip(self.conditions, self.of_conditions, strict=True):
            term = part(given[name])
            h = h + (term[0] if len(term) == 1 else term)
        return h

    def _features(self, t: Tensor, x: Tensor) -> Tensor:
        """phi(t), shape (time_features,) for one time and (B, time_features) for one a state."""
        t = as_times(t, x, "mlp")
        return torch.sin(torch.addcmul(self.phases, t.unsqueeze(-1), self.frequencies))
