"""How a network's output stands for a field: in which clock, and beside which known share of x.

    ``field(u, x) = c_skip(u) x + c_out(u) network(u, x)   [+ c_0(u) x0  where x0 is given]``

With preconditioning ``c_skip`` is the best linear guess of the field from x for data of unit variance and ``c_out`` the
size of what remains, so that every network learns a target of about unit variance and the guess is exact where x says
all (Karras et al., arXiv 2206.00364, section 5, for any row instead of the denoiser alone). In a one-sided process and
in a mirror all fields then have the same remainder, whose row is smooth in time: none is singular at either end.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from si_core.contract.clock import Clock
from si_core.contract.schedule import Scalar, Schedule
from si_core.process.rows import Row, Structure, stack

__all__ = ["Parametrisation", "Remainder"]

_ROUNDING = 8 * torch.finfo(torch.float64).eps


@dataclass(frozen=True)
class Remainder:
    """``field_row = c_skip xi + c_out row + c_0 (row of x0)`` up to rows that are zero.

    Args:
        skip: ``c_skip``, shape (N,).
        out: ``c_out``, shape (N,); of either sign, and 0 where x says all.
        anchor: ``c_0``, shape (N,); None where x0 is not given.
        field_row: the field's row.
        direction: the direction of the network's own row, of any length; None where that row is the field's.
        position: what direction is at right angles to: the row of x without what is known; None as for direction.
        schedule: the times.
    """

    skip: Tensor
    out: Tensor
    anchor: Tensor | None
    field_row: Row
    direction: Row | None
    position: Row | None
    schedule: Schedule

    @property
    def row(self) -> Tensor:
        """The network's own row, shape (N, basis): of unit length, and 0 where it learns nothing, for x says all."""
        whole = stack(self.field_row, self.schedule)
        if self.direction is None or self.position is None:
            return whole
        # Where x says almost all, little is left but rounding in the elements that x has most of; a second time at
        # right angles to x has digits in all.
        share = _dot(self.direction, self.position) / torch.as_tensor(_dot(self.position, self.position))
        direction = stack(_subtract(self.direction, share, self.position), self.schedule)
        terms = whole * direction
        nothing = terms.sum(-1).abs() <= _ROUNDING * terms.abs().sum(-1)
        unit = direction / direction.norm(dim=-1, keepdim=True)
        return torch.as_tensor(unit).masked_fill(nothing.unsqueeze(-1), 0.0)


@dataclass(frozen=True)
class Parametrisation:
    """The clock in which fields are learned, and whether networks learn the remainder beside x.

    Args:
        clock: networks are told positions in this clock, and velocities are learned per unit of it.
        precondition: whether x's known share is taken out.
    """

    clock: Clock
    precondition: bool

    def remainder(self, structure: Structure, field: str | Row, s: Schedule) -> Remainder:
        """The split of a field, by its name or its row, at the times of a schedule in :attr:`clock`."""
        row = structure.row(field, s) if isinstance(field, str) else field
        xi = structure.position_row(s) if self.precondition else None
        if xi is None:
            return Remainder(torch.zeros_like(s.u), torch.ones_like(s.u), None, row, None, None, s)
        anchor = structure.anchor_row()
        of_anchor, in_position = (0.0, 0.0) if anchor is None else (_dot(row, anchor), _dot(xi, anchor))
        zeros = structure.zero_rows(s) + ([] if anchor is None else [anchor])
        for zero in zeros:
            xi = _subtract(xi, _dot(xi, zero), zero)
        square = _dot(xi, xi)
        skip = _dot(row, xi) / square
        out: Scalar = 0.0
        match zeros:
            case []:
                direction = _subtract(row, skip, xi)
                out = torch.as_tensor(_dot(direction, direction)).sqrt()
            case [zero]:
                # One direction is left, the same for every field. Taken from x and not from the field, it does not
                # turn round where the field's share of it passes through 0. It is as long as xi.
                direction = _cross(xi, zero)
                out = _dot(row, direction) / torch.as_tensor(square).sqrt()
            case _:
                direction = (0.0,) * len(row)
        constant = None if anchor is None else _per_time(of_anchor - skip * in_position, s)
        return Remainder(_per_time(skip, s), _per_time(out, s), constant, row, direction, xi, s)


# A training step does this for a batch of times. Element by element, without those that are 0 at all times, it costs a
# tenth of what one tensor of shape (N, basis) does.


def _is_zero(scalar: Scalar) -> bool:
    return isinstance(scalar, float) and scalar == 0.0


def _per_time(scalar: Scalar, s: Schedule) -> Tensor:
    return torch.as_tensor(scalar, dtype=s.u.dtype, device=s.u.device).expand_as(s.u)


def _dot(first: Row, second: Row) -> Scalar:
    """``sum_i first_i second_i``."""
    terms = [p * q for p, q in zip(first, second, strict=True) if not (_is_zero(p) or _is_zero(q))]
    return sum(terms[1:], start=terms[0]) if terms else 0.0


def _subtract(row: Row, factor: Scalar, other: Row) -> Row:
    """``row - factor other``."""
    if _is_zero(factor):
        return row
    return tuple(p if _is_zero(q) else p - factor * q for p, q in zip(row, other, strict=True))


def _cross(first: Row, second: Row) -> Row:
    """The row at right angles to two rows of three elements."""
    (a, b, c), (p, q, r) = first, second
    return tuple(_dot((x, -y), (v, w)) for x, v, y, w in ((b, r, c, q), (c, p, a, r), (a, q, b, p)))
