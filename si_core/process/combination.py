"""A wanted row as a combination of known ones, at given times.

    ``w = sum_k c_k r_k + c_x xi + c_0 (row of x0) + (zero rows)``

The rows of x, of a given x0 and of what is zero are *free*: each takes an element of the basis out of all others, what
is left is solved for the ``c_k``, and the free coefficients follow.

No solution depends on the units of x0, x1 and z, nor on those of the rows. Near an end some entries are many powers of
the distance smaller than others (``alpha = (1-t)^3``), so rows and basis are first brought to entries of about 1: rows
that are independent look so then, as far as their entries have digits. What remains dependent within rounding is
dependent by the structure of the process, and of the many solutions the smallest is taken.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from si_core.contract.schedule import Schedule
from si_core.process.rows import Structure, stack
from si_core.process.systems import ENTRY, ROUNDING, equilibrated, or_one, product, solved

__all__ = ["Combination", "RowFunction", "Rows", "combination", "rows_at"]

RowFunction = Callable[[Schedule], Tensor]
"""The row of a known or wanted field at the times of a schedule, shape (N, basis)."""


@dataclass(frozen=True)
class Rows:
    """All rows at N times; ones where ``valid`` is False.

    Args:
        wanted: shape (N, basis).
        known: shape (N, K, basis).
        free: shape (N, F, basis): zero rows, then those of x0 and of x.
        has: whether x and x0 are among the free rows.
        valid: where all is finite and inside of (0, 1), shape (N,).
    """

    wanted: Tensor
    known: Tensor
    free: Tensor
    has: tuple[bool, bool]
    valid: Tensor

    def of(self, indices: Sequence[int]) -> Rows:
        """Of the known rows those with these indices."""
        return Rows(self.wanted, self.known[:, list(indices)], self.free, self.has, self.valid)


@dataclass(frozen=True)
class Combination:
    """What :func:`combination` finds at N times.

    Args:
        coefficients: of the K known rows, of x, and of x0, shape (N, K + 2); not a number where rows are not finite.
        error: by how much rounding may move each of them, of the same shape.
        residual: how much of the wanted row is out of reach, relative to its size, shape (N,).
        singular: the singular values of the known rows, equilibrated, at right angles to the free ones, shape
            (N, min(K, basis)) in falling order; the determinant of K independent rows is their product.
    """

    coefficients: Tensor
    error: Tensor
    residual: Tensor
    singular: Tensor

    @property
    def size(self) -> Tensor:
        """The largest coefficient in absolute value, shape (N,)."""
        return self.coefficients.abs().amax(-1)

    def __getitem__(self, part: slice) -> Combination:
        """At some of the times."""
        return Combination(self.coefficients[part], self.error[part], self.residual[part], self.singular[part])


def rows_at(structure: Structure, known: Sequence[RowFunction], wanted: RowFunction, s: Schedule) -> Rows:
    """The rows at the times of a schedule."""
    target = wanted(s)
    nothing = target.new_zeros(len(s.u), 0, target.shape[-1])
    rows = torch.stack([row(s) for row in known], -2) if known else nothing
    position, anchor = structure.position_row(s), structure.anchor_row()
    free = [stack(row, s) for row in (*structure.zero_rows(s), anchor, position) if row is not None]
    basis = torch.stack(free, -2) if free else nothing
    # At the ends rows may lose rank, so a limit from inside is the only meaning there.
    valid = (s.u > 0) & (s.u < 1)
    for part in (target, rows, basis):
        valid = valid & torch.isfinite(part).flatten(1).all(1)
    target, rows, basis = (_where(valid, part) for part in (target, rows, basis))
    return Rows(target, rows, basis, (position is not None, anchor is not None), valid)


def combination(rows: Rows) -> Combination:
    """The smallest coefficients that give the wanted row, or what is nearest to it."""
    count = rows.known.shape[1]
    given = torch.cat([rows.known, rows.free], 1)
    sizes, units = equilibrated(given.abs())
    wanted = rows.wanted / units
    of_wanted = or_one(wanted.abs().amax(-1, keepdim=True))
    everything = torch.cat([given / units.unsqueeze(1) / sizes.unsqueeze(-1), (wanted / of_wanted).unsqueeze(1)], 1)
    rest, magnitude, shares = everything, everything.abs(), list[Tensor]()
    for index in range(count, given.shape[1]):
        rest, magnitude, share = _eliminated(rest, magnitude, index, count)
        shares.append(share)
    # Once more, now that rows have fewer elements; by the sizes of the terms, so that what cancels stays small.
    own, left = equilibrated(magnitude[:, :count])
    unknown, target = rest[:, :count] / own.unsqueeze(-1) / left.unsqueeze(1), rest[:, -1] / left
    parts, singular = solved(unknown, target, sizes[:, :count] * own)
    missed = (target - product(parts, unknown)).norm(dim=-1) / or_one((magnitude[:, -1] / left).norm(dim=-1))
    weights, error = parts / own, torch.zeros_like(own)
    if count:
        least = torch.where(singular > ROUNDING, singular, 1.0).amin(-1, keepdim=True)
        error = ENTRY * parts.abs().amax(-1, keepdim=True) / least / own
    of_free, of_free_error = _of_free(weights, error, shares)
    back = of_wanted / sizes
    coefficients = _valued(torch.cat([weights, of_free], -1) * back, count, rows.has)
    error = _valued(torch.cat([error, of_free_error], -1) * back, count, rows.has)
    coefficients = torch.where(rows.valid.unsqueeze(-1), coefficients, torch.nan)
    return Combination(coefficients, error, missed, singular)


def _eliminated(rows: Tensor, magnitude: Tensor, index: int, count: int) -> tuple[Tensor, Tensor, Tensor]:
    """All rows but the free ones up to an index, less the multiples of the free row there that take an element out.

    Args:
        rows: known, free, and wanted ones, shape (N, R, basis).
        magnitude: the sizes of the terms that their elements are made of, of the same shape.
        index: of the free row, without those before it.
        count: of the known rows.

    Returns:
        The rows and magnitudes, and how often the free row was in each, shape (N, R); 0 where it depends on those
        before it.
    """
    row = rows[:, index]
    largest, column = row.abs().max(-1, keepdim=True)
    there = largest > ROUNDING * magnitude[:, index].amax(-1, keepdim=True)
    inverse = torch.where(there, 1 / torch.where(there, row.gather(1, column), 1.0), 0.0)
    columns = column.unsqueeze(1).expand(-1, rows.shape[1], 1)
    share = rows.gather(2, columns) * inverse.unsqueeze(1)
    share[:, count : index + 1] = 0.0
    rest = rows - share * row.unsqueeze(1)
    magnitude = magnitude + share.abs() * magnitude[:, index].unsqueeze(1)
    gone = torch.zeros_like(rest, dtype=torch.bool).scatter_(2, columns, True) & there.unsqueeze(1)
    gone[:, count : index + 1] = False
    return rest.masked_fill(gone, 0.0), magnitude.masked_fill(gone, 0.0), share.squeeze(-1)


def _of_free(weights: Tensor, error: Tensor, shares: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
    """The weights (N, F) of the free rows once those (N, K) of the known ones are found, with errors.

    Args:
        weights: of the known rows.
        error: of these weights.
        shares: of each free row, without those before it, in the known, the free and the wanted rows, shape (N, R).
    """
    if not shares:
        return weights[:, :0], weights[:, :0]
    count, values, errors = weights.shape[1], list[Tensor](), list[Tensor]()
    for share in shares:
        terms = weights * share[:, :count]
        values.append(share[:, -1] - terms.sum(-1))
        from_known = (error * share[:, :count].abs()).sum(-1)
        errors.append(ENTRY * (share[:, -1].abs() + terms.abs().sum(-1)) + from_known)
    for later in range(len(shares) - 1, 0, -1):
        for earlier in range(later):
            of_later = shares[earlier][:, count + later]
            values[earlier] = values[earlier] - values[later] * of_later
            errors[earlier] = errors[earlier] + errors[later] * of_later.abs()
    return torch.stack(values, -1), torch.stack(errors, -1)


def _valued(numbers: Tensor, count: int, has: tuple[bool, bool]) -> Tensor:
    """Of numbers for all rows (N, R), known ones and free, those for the known ones, for x, and for x0; (N, K + 2)."""
    of_free, zero = iter(reversed(numbers[:, count:].unbind(-1))), numbers.new_zeros(len(numbers))
    return torch.cat([numbers[:, :count], torch.stack([next(of_free) if it else zero for it in has], -1)], -1)


def _where(valid: Tensor, part: Tensor) -> Tensor:
    if part.shape[1:].numel() == 0:
        return part
    mask = valid.reshape(-1, *(1 for _ in part.shape[1:]))
    return torch.where(mask, part, torch.ones_like(part))
