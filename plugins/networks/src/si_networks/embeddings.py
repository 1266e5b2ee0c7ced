"""Embeddings of conditions: a vector for each class, or a linear map of values.

What is left out (a label of -1, values of NaN) has a vector of its own, which starts at zero.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from si_core import ConditionSpec

__all__ = ["ClassEmbedding", "ValueEmbedding", "embedding"]


def embedding(spec: ConditionSpec, width: int) -> nn.Module:
    """The embedding of a condition, from (B, *shape) to (B, width)."""
    return ValueEmbedding(spec, width) if spec.classes is None else ClassEmbedding(len(spec.classes), width)


class ClassEmbedding(nn.Module):
    """A vector for each class.

    Args:
        classes: how many.
        width: of the vectors.
    """

    def __init__(self, classes: int, width: int) -> None:
        super().__init__()
        self.vectors = nn.Embedding(classes + 1, width)
        with torch.no_grad():
            self.vectors.weight[0].zero_()

    def forward(self, labels: Tensor) -> Tensor:
        """Labels (B,), -1 where left out, to vectors (B, width)."""
        vectors: Tensor = self.vectors(labels + 1)
        return vectors


class ValueEmbedding(nn.Module):
    """``W (c - mean)/scale``, without a bias.

    Args:
        spec: the condition, with the mean and scale of its values.
        width: of the vectors.
    """

    def __init__(self, spec: ConditionSpec, width: int) -> None:
        super().__init__()
        self.mean, self.scale = spec.mean, spec.scale
        self.linear = nn.Linear(math.prod(spec.shape), width, bias=False)
        self.left_out = nn.Parameter(torch.zeros(width))

    def forward(self, values: Tensor) -> Tensor:
        """Values (B, *shape), NaN where left out, to vectors (B, width)."""
        values = values.to(self.left_out.dtype).reshape(len(values), -1)
        if self.mean or self.scale != 1.0:
            values = (values - self.mean) / self.scale
        absent = values.isnan().any(1, keepdim=True)
        vectors: Tensor = self.linear(values.masked_fill(absent, 0.0))
        return torch.where(absent, self.left_out, vectors)
