"""Small linear systems at many times, whose vectors and basis differ in size by any power of the distance to an end.

Times are the last axis: each element of a vector lies in memory for all of them, one after another, and what is done to
the few vectors and elements costs a fifth of what it does the other way round.
"""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["ENTRY", "ROUNDING", "equilibrated", "length", "or_one", "product", "solved"]

ENTRY = 16 * torch.finfo(torch.float64).eps
"""By how much an entry of a vector, of about 1, is off: it is made of a dozen operations."""

ROUNDING = 32 * ENTRY
"""Singular values of vectors with entries of about 1 are 0 below: of four they are off by four entries, and as much
again is to spare as leaves a weight two digits."""

_SWEEPS = 2
"""Of equilibration: the first brings every vector and basis element to 1, the second mends what the basis did."""

_ROTATIONS = 2
"""Of two vectors: the first brings them to right angles within rounding of the longer, the second of the shorter."""


def equilibrated(vectors: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Vectors (R, basis, N) brought to entries of about 1; their sizes (R, N) and the units (basis, N) of the basis.

    ``vectors = scaled sizes units``, entry by entry.
    """
    if not len(vectors):
        return vectors, vectors[:, 0], vectors.new_ones(vectors.shape[1:])
    sizes = units = None
    # A single vector has entries 0 and 1 after one.
    for _ in range(_SWEEPS if len(vectors) > 1 else 1):
        largest = or_one(vectors.abs().amax(1))
        vectors, sizes = vectors / largest.unsqueeze(1), largest if sizes is None else sizes * largest
        largest = or_one(vectors.abs().amax(0))
        vectors, units = vectors / largest, largest if units is None else units * largest
    return vectors, sizes, units  # type: ignore[return-value]


def solved(vectors: Tensor, target: Tensor, sizes: Tensor, valid: Tensor) -> tuple[Tensor, Tensor]:
    """Weights c (K, N) with ``c vectors = target``, of which ``c/sizes`` is smallest, and the singular values.

    Args:
        vectors: shape (K, basis, N), with entries of about 1.
        target: shape (basis, N).
        sizes: shape (K, N).
        valid: at which times anybody asks, shape (N,).

    Returns:
        The weights, and the singular values in falling order, shape (min(K, basis), N).
    """
    count = len(vectors)
    if count == 0:
        return sizes, sizes
    if count == 1:
        square, along = vectors.square().sum(1), (vectors * target).sum(1)
        return along / torch.threshold(square, ROUNDING**2, torch.inf), square.sqrt()
    left, singular, right = _of_two(vectors) if count == 2 else _decomposed(vectors)
    counts = singular > ROUNDING
    along = (right * target).sum(1) / torch.threshold(singular, ROUNDING, torch.inf)
    weights = product(along, left.transpose(0, 1))
    spare = (counts.sum(0) < count) & valid
    if bool(spare.any()):
        smallest = _smallest(*((each.movedim(-1, 0)) for each in (left * counts, along, sizes, weights)))
        weights = torch.where(spare, smallest.mT, weights)
    return weights, singular


def _decomposed(vectors: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """The singular value decomposition ``vectors = left singular right``: (K, S, N), (S, N), (S, basis, N)."""
    left, singular, right = torch.linalg.svd(vectors.movedim(-1, 0), full_matrices=False)
    return left.movedim(0, -1), singular.mT, right.movedim(0, -1)


def _of_two(vectors: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """That of two vectors, which one rotation brings to right angles (Jacobi's method, from one side)."""
    angle = torch.zeros_like(vectors[0, 0])
    for _ in range(_ROTATIONS):
        first, second = vectors
        across, (one, other) = 2 * (first * second).sum(0), vectors.square().sum(1)
        turn = 0.5 * torch.atan2(across, one - other)
        cos, sin, angle = torch.cos(turn), torch.sin(turn), angle + turn
        vectors = torch.stack([cos * first + sin * second, cos * second - sin * first])
    cos, sin, singular = torch.cos(angle), torch.sin(angle), length(vectors)
    left = torch.stack([torch.stack([cos, -sin]), torch.stack([sin, cos])])
    return left, singular, vectors / or_one(singular).unsqueeze(1)


def _smallest(left: Tensor, along: Tensor, sizes: Tensor, weights: Tensor) -> Tensor:
    """Of all weights with these parts along the left singular vectors that count, those with the smallest ``c/sizes``.

    Times are the first axis here, as everywhere in torch.linalg.

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
    """``sum_k weights_k vectors_k``, shape (basis, N), of weights (K, N) and vectors (K, basis, N)."""
    return (weights.unsqueeze(1) * vectors).sum(0)


def length(vectors: Tensor) -> Tensor:
    """The Euclidean length of vectors (..., basis, N), shape (..., N)."""
    return vectors.square().sum(-2).sqrt()


def or_one(sizes: Tensor) -> Tensor:
    """Sizes to divide by: 1 in place of 0, for what is 0 has none."""
    return torch.threshold(sizes, 0.0, 1.0)
