"""What a deep network is told beside the state, as one vector: time, a second time, and conditions.

    ``e = V a(W phi(t) + b) + v + sum_c e(c)``  [``+ V_s a(W_s phi(s) + b_s) + v_s``],     ``a = silu``,

with ``phi(t) = (cos(1000 t w_k), sin(1000 t w_k))``, ``w_k = 10000^(-k/K)``, ``k = 0 .. K - 1``: the features of
diffusion models, for times in [0, 1] (Peebles and Xie, arXiv 2212.09748; Ma et al., arXiv 2401.08740).
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from si_core import Condition, ConditionSpec
from si_networks.embeddings import embedding
from si_networks.times import as_times, refuse_second_time

__all__ = ["Conditioning", "TimeEmbedding"]

_PERIODS, _SCALE = 10_000.0, 1000.0


class TimeEmbedding(nn.Module):
    """A perceptron of one hidden layer on sines and cosines of a time.

    Args:
        width: of the vectors.
        features: how many sines and cosines, an even number.
    """

    frequencies: Tensor

    def __init__(self, width: int, features: int = 256) -> None:
        super().__init__()
        powers = torch.arange(features // 2, dtype=torch.float64) / (features // 2)
        self.register_buffer("frequencies", (_SCALE * _PERIODS**-powers).float(), persistent=False)
        self.hidden, self.output = nn.Linear(features, width), nn.Linear(width, width)

    def forward(self, t: Tensor) -> Tensor:
        """Times (N,) or () to vectors (N, width), or (1, width)."""
        angles = t.reshape(-1, 1) * self.frequencies.to(t)
        vectors: Tensor = self.output(F.silu(self.hidden(torch.cat([angles.cos(), angles.sin()], -1))))
        return vectors


class Conditioning(nn.Module):
    """The vector of times and conditions.

    Args:
        where: the name of the network, for errors.
        conditions: those that are embedded, by name.
        width: of the vector.
        features: sines and cosines of a time.
        two_times: whether there is a second time.
    """

    def __init__(
        self,
        where: str,
        conditions: Mapping[str, ConditionSpec],
        width: int,
        features: int = 256,
        two_times: bool = False,
    ) -> None:
        super().__init__()
        self._where, self.names = where, tuple(conditions)
        self.of_time = TimeEmbedding(width, features)
        self.of_second_time = TimeEmbedding(width, features) if two_times else None
        # A list, for the name of a condition may be none of a module's.
        self.of_conditions = nn.ModuleList(embedding(spec, width) for spec in conditions.values())

    def forward(self, t: Tensor, x: Tensor, condition: Condition | None = None, s: Tensor | None = None) -> Tensor:
        """The vector, shape (B, width), or (1, width) where it is one for all states.

        Args:
            t: times in [0, 1], shape (B,) or ().
            x: states, shape (B, *event), for their number, precision and device.
            condition: checked already, by name, shape (B, *shape) or (1, *shape).
            s: second times, shaped as t; None for s = t.

        Raises:
            UsageError: times of another shape, or a second one that nobody takes.
        """
        vector: Tensor = self.of_time(as_times(t, x, self._where))
        if self.of_second_time is not None:
            vector = vector + self.of_second_time(as_times(t if s is None else s, x, self._where))
        else:
            refuse_second_time(s, self._where)
        given = condition or {}
        for name, part in zip(self.names, self.of_conditions, strict=True):
            vector = vector + part(given[name]).to(vector.dtype)
        return vector
