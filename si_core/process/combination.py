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

import torch
from torch import Tensor

from si_core.contract.schedule import Schedule
from si_core.process.coefficients import Structure, stack
from si_core.process.systems import ENTRY, ROUNDING, equilibrated, or_one, product, solved

__all__ = ["CoefficientFunction", "Combination", "LinearSystem", "combination", "system_at"]

CoefficientFunction = Callable[[Schedule], Tensor]
"""The coefficients of a known or wanted field at the times of a schedule, shape (N, basis)."""


@dataclass(frozen=True)
class LinearSystem:
    """The coefficients of wanted, known and free fields at N times, each a vector; ones where ``valid`` is False.

    Args:
        wanted: shape (N, basis).
        known: shape (N, K, basis).
        free: shape (N, F, basis): zero combinations, then those of x0 and of x.
        has: whether x and x0 are among the free vectors.
        valid: where all is finite and inside of (0, 1), shape (N,).
    """

    wanted: Tensor
    known: Tensor
    free: Tensor
    has: tuple[bool, bool]
    valid: Tensor

    def of(self, indices: Sequence[int]) -> LinearSystem:
        """Of the known vectors those with these indices."""
        return LinearSystem(self.wanted, self.known[:, list(indices)], self.free, self.has, self.valid)

    def __getitem__(self, part: slice) -> LinearSystem:
        """At some of the times."""
        return LinearSystem(self.wanted[part], self.known[part], self.free[part], self.has, self.valid[part])


@dataclass(frozen=True)
class Combination:
    """What :func:`combination` finds at N times.

    Args:
        weights: of the K known fields, of x, and of x0, shape (N, K + 2); not a number where coefficients are not
            finite.
        error: by how much rounding may move each of them, of the same shape.
        residual: how much of the wanted field is out of reach, relative to its size, shape (N,).
        singular: the singular values of the known vectors, equilibrated, at right angles to the free ones, shape
            (N, min(K, basis)) in falling order; the determinant of K independent vectors is their product.
    """

    weights: Tensor
    error: Tensor
    residual: Tensor
    singular: Tensor

    @property
    def size(self) -> Tensor:
        """The largest weight in absolute value, shape (N,)."""
        return self.weights.abs().amax(-1)

    def __getitem__(self, part: slice) -> Combination:
        """At some of the times."""
        return Combination(self.weights[part], self.error[part], self.residual[part], self.singular[part])


def system_at(
    structure: Structure, known: Sequence[CoefficientFunction], wanted: CoefficientFunction, s: Schedule
) -> LinearSystem:
    """The coefficients at the times of a schedule."""
    target = wanted(s)
    nothing = target.new_zeros(len(s.u), 0, target.shape[-1])
    vectors = torch.stack([function(s) for function in known], -2) if known else nothing
    position, given_start = structure.position_coefficients(s), structure.given_start_coefficients()
    free = [
        stack(vector, s) for vector in (*structure.zero_combinations(s), given_start, position) if vector is not None
    ]
    basis = torch.stack(free, -2) if free else nothing
    # At the ends vectors may lose rank, so a limit from inside is the only meaning there.
    valid = (s.u > 0) & (s.u < 1)
    for part in (target, vectors, basis):
        valid = valid & torch.isfinite(part).flatten(1).all(1)
    target, vectors, basis = (_where(valid, part) for part in (target, vectors, basis))
    return LinearSystem(target, vectors, basis, (position is not None, given_start is not None), valid)


def combination(system: LinearSystem) -> Combination:
    """The smallest weights that give the wanted vector, or what is nearest to it."""
    count = system.known.shape[1]
    given = torch.cat([system.known, system.free], 1)
    sizes, units = equilibrated(given.abs())
    wanted = system.wanted / units
    of_wanted = or_one(wanted.abs().amax(-1, keepdim=True))
    everything = torch.cat([given / units.unsqueeze(1) / sizes.unsqueeze(-1), (wanted / of_wanted).unsqueeze(1)], 1)
    rest, magnitude, multiples = everything, everything.abs(), list[Tensor]()
    for index in range(count, given.shape[1]):
        rest, magnitude, multiple = _eliminated(rest, magnitude, index, count)
        multiples.append(multiple)
    # Once more, now that vectors have fewer elements; by the sizes of the terms, so that what cancels stays small.
    own, left = equilibrated(magnitude[:, :count])
    unknown, target = rest[:, :count] / own.unsqueeze(-1) / left.unsqueeze(1), rest[:, -1] / left
    parts, singular = solved(unknown, target, sizes[:, :count] * own, system.valid)
    missed = (target - product(parts, unknown)).norm(dim=-1) / or_one((magnitude[:, -1] / left).norm(dim=-1))
    of_known, error = parts / own, torch.zeros_like(own)
    if count:
        least = torch.where(singular > ROUNDING, singular, 1.0).amin(-1, keepdim=True)
        error = ENTRY * parts.abs().amax(-1, keepdim=True) / least / own
    of_free, of_free_error = _of_free(of_known, error, multiples)
    back = of_wanted / sizes
    weights = _valued(torch.cat([of_known, of_free], -1) * back, count, system.has)
    error = _valued(torch.cat([error, of_free_error], -1) * back, count, system.has)
    weights = torch.where(system.valid.unsqueeze(-1), weights, torch.nan)
    return Combination(weights, error, missed, singular)


def _eliminated(vectors: Tensor, magnitude: Tensor, index: int, count: int) -> tuple[Tensor, Tensor, Tensor]:
    """All vectors but the free ones up to an index, less multiples of the free one there: an element is taken out.

    Args:
        vectors: known, free, and wanted ones, shape (N, R, basis).
        magnitude: the sizes of the terms that their elements are made of, of the same shape.
        index: of the free vector, without those before it.
        count: of the known vectors.

    Returns:
        The vectors and magnitudes, and how often the free vector was in each, shape (N, R); 0 where it depends on those
        before it.
    """
    vector = vectors[:, index]
    largest, column = vector.abs().max(-1, keepdim=True)
    there = largest > ROUNDING * magnitude[:, index].amax(-1, keepdim=True)
    inverse = torch.where(there, 1 / torch.where(there, vector.gather(1, column), 1.0), 0.0)
    columns = column.unsqueeze(1).expand(-1, vectors.shape[1], 1)
    multiple = vectors.gather(2, columns) * inverse.unsqueeze(1)
    multiple[:, count : index + 1] = 0.0
    rest = vectors - multiple * vector.unsqueeze(1)
    magnitude = magnitude + multiple.abs() * magnitude[:, index].unsqueeze(1)
    gone = torch.zeros_like(rest, dtype=torch.bool).scatter_(2, columns, True) & there.unsqueeze(1)
    gone[:, count : index + 1] = False
    return rest.masked_fill(gone, 0.0), magnitude.masked_fill(gone, 0.0), multiple.squeeze(-1)


def _of_free(weights: Tensor, error: Tensor, multiples: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
    """The weights (N, F) of the free vectors once those (N, K) of the known ones are found, with errors.

    Args:
        weights: of the known vectors.
        error: of these weights.
        multiples: of each free vector, without those before it, in the known, free and wanted ones, shape (N, R).
    """
    if not multiples:
        return weights[:, :0], weights[:, :0]
    count, values, errors = weights.shape[1], list[Tensor](), list[Tensor]()
    for multiple in multiples:
        terms = weights * multiple[:, :count]
        values.append(multiple[:, -1] - terms.sum(-1))
        from_known = (error * multiple[:, :count].abs()).sum(-1)
        errors.append(ENTRY * (multiple[:, -1].abs() + terms.abs().sum(-1)) + from_known)
    for later in range(len(multiples) - 1, 0, -1):
        for earlier in range(later):
            of_later = multiples[earlier][:, count + later]
            values[earlier] = values[earlier] - values[later] * of_later
            errors[earlier] = errors[earlier] + errors[later] * of_later.abs()
    return torch.stack(values, -1), torch.stack(errors, -1)


def _valued(numbers: Tensor, count: int, has: tuple[bool, bool]) -> Tensor:
    """Of numbers for all vectors (N, R), known and free, those for the known ones, for x, and for x0; (N, K + 2)."""
    of_free, zero = iter(reversed(numbers[:, count:].unbind(-1))), numbers.new_zeros(len(numbers))
    return torch.cat([numbers[:, :count], torch.stack([next(of_free) if it else zero for it in has], -1)], -1)


def _where(valid: Tensor, part: Tensor) -> Tensor:
    if part.shape[1:].numel() == 0:
        return part
    mask = valid.reshape(-1, *(1 for _ in part.shape[1:]))
    return torch.where(mask, part, torch.ones_like(part))
