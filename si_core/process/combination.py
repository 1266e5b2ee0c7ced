"""A wanted field as a combination of known ones, at given times.

At one time the coefficients of a field are a vector over the basis, and the combination is a linear system:

    ``w = sum_k c_k r_k + c_x xi + c_0 (vector of x0) + (zero combinations)``

The vectors of x, of a given x0 and of what is zero are *free*: each takes an element of the basis out of all others,
what is left is solved for the weights ``c_k``, and those of the free ones follow.

No solution depends on the units of x0, x1 and z, nor on those of the fields. Near an end some entries are many powers
of the distance smaller than others (``alpha = (1-t)^3``), so vectors and basis are first brought to entries of about 1:
those that are independent look so then, as far as their entries have digits. What remains dependent within rounding is
dependent by the structure of the process, and of the many solutions the smallest is taken.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from si_core.contract.schedule import Schedule
from si_core.process.coefficients import Structure, stack
from si_core.process.elimination import Reduced, reduced

__all__ = ["CoefficientFunction", "Combination", "LinearSystem", "combination", "system_at"]

CoefficientFunction = Callable[[Schedule], Tensor]
"""The coefficients of a known or wanted field at the times of a schedule, shape (N, basis)."""


@dataclass(frozen=True)
class LinearSystem:
    """The coefficients of free, known and wanted fields at N times, each a vector; ones where ``valid`` is False.

    Args:
        vectors: F free ones (zero combinations, then those of x0 and of x), K known ones, and the wanted one; shape
            (F + K + 1, basis, N).
        free: F.
        has: whether x and x0 are among the free vectors.
        valid: where all is finite and inside of (0, 1), shape (N,).
    """

    vectors: Tensor
    free: int
    has: tuple[bool, bool]
    valid: Tensor

    def of(self, indices: Sequence[int]) -> LinearSystem:
        """Of the known vectors those with these indices."""
        rows = [*range(self.free), *(self.free + index for index in indices), len(self.vectors) - 1]
        # What was eliminated for all of them need not be again.
        if rows == list(range(len(self.vectors))):
            return self
        return LinearSystem(self.vectors[rows], self.free, self.has, self.valid)

    @cached_property
    def reduced(self) -> Reduced:
        """The known and the wanted vectors without what the free ones have of them."""
        return reduced(self.vectors, self.free)

    def residual(self, part: slice, indices: Sequence[int]) -> Tensor:
        """How much of the wanted field these known ones miss at some of the times; as in :class:`Combination`."""
        return self.reduced.solved(self.valid, part, indices)[2]


@dataclass(frozen=True)
class Combination:
    """What :func:`combination` finds at N times.

    Args:
        weights: of the K known fields, of x, and of x0, shape (N, K + 2); not a number where coefficients are not
            finite.
        error: by how much rounding may move each of them, of the same shape; None where that was not asked for.
        residual: how much of the wanted field is out of reach, relative to its size, shape (N,).
        singular: the singular values of the known vectors, equilibrated, at right angles to the free ones, shape
            (N, min(K, basis)) in falling order; the determinant of K independent vectors is their product.
    """

    weights: Tensor
    error: Tensor | None
    residual: Tensor
    singular: Tensor

    @property
    def size(self) -> Tensor:
        """The largest weight in absolute value, shape (N,)."""
        return self.weights.abs().amax(-1)

    def __getitem__(self, part: slice) -> Combination:
        """At some of the times."""
        error = None if self.error is None else self.error[part]
        return Combination(self.weights[part], error, self.residual[part], self.singular[part])


def system_at(
    structure: Structure, known: Sequence[CoefficientFunction], wanted: CoefficientFunction, s: Schedule
) -> LinearSystem:
    """The coefficients at the times of a schedule."""
    position, given_start = structure.position_coefficients(s), structure.given_start_coefficients()
    free = [*structure.zero_combinations(s), *(it for it in (given_start, position) if it is not None)]
    vectors = torch.stack([each.mT for each in (*(stack(it, s) for it in free), *(of(s) for of in known), wanted(s))])
    # At the ends vectors may lose rank, so a limit from inside is the only meaning there.
    valid = (s.u > 0) & (s.u < 1) & torch.isfinite(vectors.abs().amax((0, 1)))
    vectors = vectors.masked_fill(~valid, 1.0)
    return LinearSystem(vectors, len(free), (position is not None, given_start is not None), valid)


def combination(system: LinearSystem, errors: bool = False) -> Combination:
    """The smallest weights that give the wanted vector, or what is nearest to it; with errors where they are wanted."""
    of = system.reduced
    of_known, own, missed, singular = of.solved(system.valid)
    weights = of.completed(of_known)
    error = _valued(of.errors(weights, own, singular), system).mT if errors else None
    return Combination(_valued(weights, system).masked_fill(~system.valid, torch.nan).mT, error, missed, singular.mT)


def _valued(numbers: Tensor, system: LinearSystem) -> Tensor:
    """Of numbers (F + K, N) in units for all vectors, those for the known ones, for x, and for x0; shape (K + 2, N)."""
    numbers = numbers * (system.reduced.of_wanted / system.reduced.sizes)
    parts, nothing, last = [numbers[system.free :]], torch.zeros_like(numbers[:1]), system.free
    for it in system.has:
        last -= it
        parts.append(numbers[last : last + 1] if it else nothing)
    return torch.cat(parts)
