"""Small linear systems at many times, whose vectors and basis differ in size by any power of the distance to an end."""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["ENTRY", "ROUNDING", "equilibrated", "or_one", "product", "solved"]

ENTRY = 16 * torch.finfo(torch.float64).eps
"""By how much an entry of a vector, of about 1, is off: it is made of a dozen operations."""

ROUNDING = 32 * ENTRY
"""Singular values of vectors with entries of about 1 are 0 below: of four they are off by four entries, and as much
again is to spare as leaves a weight two digits."""

_SWEEPS = 2
"""Of equilibration: the first brings every vector and basis element to 1, the second mends what the basis did."""


def equilibrated(magnitude: Tensor) -> tuple[Tensor, Tensor]:
    """Sizes (N, R) and units (N, basis) beside which vectors with entries of this size (N, R, basis) are about 1."""
    sizes, units = torch.ones_like(magnitude[..., 0]), torch.ones_like(magnitude[:, 0]) if magnitude.shape[1] else None
    if units is None:
        return sizes, magnitude.new_ones(magnitude.shape[0], magnitude.shape[2])
    for _ in range(_SWEEPS):
        largest = or_one(magnitude.amax(-1))
        magnitude, sizes = magnitude / largest.unsqueeze(-1), sizes * largest
        largest = or_one(magnitude.amax(1))
        magnitude, units = magnitude / largest.unsqueeze(1), units * largest
    return sizes, units


def solved(vectors: Tensor, target: Tensor, sizes: Tensor, valid: Tensor) -> tuple[Tensor, Tensor]:
    """Weights c (N, K) with ``c vectors = target``, of which ``c/sizes`` is smallest, and their singular values.

    Args:
        vectors: shape (N, K, basis), with entries of about 1.
        target: shape (N, basis).
        sizes: shape (N, K).
        valid: at which times anybody asks, shape (N,).
    """
    count = vectors.shape[1]
    if count == 0:
        return sizes, sizes
    if count == 1:
        square = vectors.square().sum(-1)
        along = (vectors.squeeze(1) * target).sum(-1, keepdim=True)
        return torch.where(square > ROUNDING**2, along / or_one(square), 0.0), square.sqrt()
    left, singular, right = torch.linalg.svd(vectors, full_matrices=False)
    counts = singular > ROUNDING
    along = (right @ target.unsqueeze(-1)).squeeze(-1) * torch.where(counts, 1 / singular, 0.0)
    weights = (left @ along.unsqueeze(-1)).squeeze(-1)
    spare = (counts.sum(-1, keepdim=True) < count) & valid.unsqueeze(-1)
    if bool(spare.any()):
        weights = torch.where(spare, _smallest(left * counts.unsqueeze(-2), along, sizes, weights), weights)
    return weights, singular


def _smallest(left: Tensor, along: Tensor, sizes: Tensor, weights: Tensor) -> Tensor:
    """Of all weights with these parts along the left singular vectors that count, those with the smallest ``c/sizes``.

    Vectors that vanish at an end have tiny sizes. Where one singular vector is spare it is taken out of a solution,
    otherwise the solution is built of those that count: neither loses digits to how far the sizes are apart.
    """
    spare = torch.eye(left.shape[1], dtype=left.dtype, device=left.device) - left @ left.mT
    index = spare.norm(dim=1).argmax(-1).reshape(-1, 1, 1).expand(-1, left.shape[1], 1)
    vector = spare.gather(2, index).squeeze(-1)
    # weights - vector (z c)/(z z) with z = vector/sizes, c = weights/sizes, in differences that do not cancel twice.
    crossed = weights.unsqueeze(-1) * vector.unsqueeze(-2)
    steep = (vector / sizes).square().sum(-1, keepdim=True)
    one = ((crossed - crossed.mT) @ (vector / sizes.square()).unsqueeze(-1)).squeeze(-1) / or_one(steep)
    constraints = left.mT * sizes.unsqueeze(-2)
    lengths = or_one(constraints.abs().amax(-1))
    inverse = torch.linalg.pinv(constraints / lengths.unsqueeze(-1))
    many = (inverse @ (along / lengths).unsqueeze(-1)).squeeze(-1) * sizes
    single = (spare.diagonal(dim1=-2, dim2=-1).sum(-1) < 1.5).unsqueeze(-1)
    return torch.where(single, one, many)


def product(weights: Tensor, vectors: Tensor) -> Tensor:
    """``sum_k weights_k vectors_k``, shape (N, basis), of weights (N, K) and vectors (N, K, basis)."""
    return (weights.unsqueeze(-2) @ vectors).squeeze(-2)


def or_one(sizes: Tensor) -> Tensor:
    """Sizes to divide by: 1 in place of 0, for what is 0 has none."""
    return torch.where(sizes > 0, sizes, 1.0)
