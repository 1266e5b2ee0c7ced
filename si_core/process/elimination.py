"""Free vectors taken out of all others: each takes an element of the basis with it.

As in :mod:`si_core.process.systems`, times are the last axis.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from si_core.process.systems import ENTRY, ROUNDING, equilibrated, length, or_one, product, solved

__all__ = ["Reduced", "reduced"]


@dataclass(frozen=True)
class Reduced:
    """Vectors at N times without what the F free ones have of them, in units in which all are of about 1.

    Args:
        rest: K known vectors and the wanted one, shape (K + 1, basis, N).
        magnitude: the sizes of the terms that their elements are made of, of the same shape.
        multiples: how often each free vector, without those before it, was in all that come after it: later free ones,
            known and wanted; shape (R, N).
        sizes: of the free and the known vectors, shape (F + K, N).
        of_wanted: the size of the wanted one, shape (N,).
    """

    rest: Tensor
    magnitude: Tensor
    multiples: Sequence[Tensor]
    sizes: Tensor
    of_wanted: Tensor

    def solved(
        self, valid: Tensor, part: slice = slice(None), indices: Sequence[int] | None = None
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """The smallest weights of known vectors that give the wanted one, or what is nearest to it.

        Args:
            valid: at which of all times anybody asks, shape (N,).
            part: the times.
            indices: which of the known vectors; None for all.

        Returns:
            The weights (K, N), the sizes of the known vectors, how much of the wanted vector is out of reach (N,), and
            the singular values; see :class:`si_core.process.combination.Combination`.
        """
        rest, magnitude, sizes = self.rest[..., part], self.magnitude[..., part], self.sizes[..., part]
        sizes = sizes[len(self.multiples) :]
        if indices is not None:
            rows = [*indices, len(rest) - 1]
            rest, magnitude, sizes = rest[rows], magnitude[rows], sizes[rows[:-1]]
        # Once more, now that vectors have fewer elements; by the sizes of the terms, so that what cancels stays small.
        _, own, units = equilibrated(magnitude[:-1])
        scaled = rest / units
        unknown, target = scaled[:-1] / own.unsqueeze(1), scaled[-1]
        parts, singular = solved(unknown, target, sizes * own, valid[part])
        missed = length(target - product(parts, unknown)) / or_one(length(magnitude[-1] / units))
        return parts / own, own, missed, singular

    def completed(self, weights: Tensor) -> Tensor:
        """The weights (F + K, N) of the free and the known vectors, of those (K, N) of the known ones."""
        for multiple in reversed(self.multiples):
            weights = torch.cat([multiple[-1:] - (weights * multiple[:-1]).sum(0), weights])
        return weights

    def errors(self, weights: Tensor, own: Tensor, singular: Tensor) -> Tensor:
        """By how much rounding may move each of these (F + K, N); arguments as :meth:`solved` gives them."""
        error = torch.zeros_like(own)
        if len(own):
            largest = (weights[len(self.multiples) :] * own).abs().amax(0)
            error = ENTRY * largest / torch.threshold(singular, ROUNDING, 1.0).amin(0) / own
        for count, multiple in reversed(list(enumerate(self.multiples, 1))):
            size, of_terms = multiple.abs(), ENTRY * weights[count:].abs() + error
            error = torch.cat([ENTRY * size[-1:] + (of_terms * size[:-1]).sum(0), error])
        return error


def reduced(vectors: Tensor, free: int) -> Reduced:
    """All vectors less multiples of the free ones.

    Args:
        vectors: the free ones, the known ones, and the wanted one; shape (F + K + 1, basis, N).
        free: F.
    """
    given, sizes, units = equilibrated(vectors[:-1])
    wanted = vectors[-1:] / units
    of_wanted = or_one(wanted.abs().amax((0, 1)))
    rest = torch.cat([given, wanted / of_wanted])
    magnitude, multiples = rest.abs(), list[Tensor]()
    for _ in range(free):
        rest, magnitude, multiple = _eliminated(rest, magnitude)
        multiples.append(multiple)
    return Reduced(rest, magnitude, multiples, sizes, of_wanted)


def _eliminated(vectors: Tensor, magnitude: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """All vectors but the first, less multiples of the first: an element is taken out.

    Args:
        vectors: shape (R + 1, basis, N).
        magnitude: the sizes of the terms that their elements are made of, of the same shape.

    Returns:
        The vectors and magnitudes, (R, basis, N), and how often the first was in each, shape (R, N); 0 where it depends
        on those taken out before it.
    """
    first, rest, of_first, magnitude = vectors[0], vectors[1:], magnitude[0], magnitude[1:]
    largest, column = first.abs().max(0, keepdim=True)
    there = largest > ROUNDING * of_first.amax(0)
    inverse = torch.where(there, first.gather(0, column), torch.inf).reciprocal()
    multiple = rest.gather(1, column.expand(len(rest), 1, -1)) * inverse
    gone = (column == torch.arange(len(first), device=first.device).unsqueeze(-1)) & there
    rest = torch.addcmul(rest, multiple, first, value=-1.0).masked_fill(gone, 0.0)
    return rest, torch.addcmul(magnitude, multiple.abs(), of_first).masked_fill(gone, 0.0), multiple.squeeze(1)
