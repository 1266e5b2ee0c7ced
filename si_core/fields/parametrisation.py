"""How a network's output stands for a field: in which clock, and beside which known share of x.

    ``field(u, x) = c_skip(u) x + c_out(u) network(u, x)``

With preconditioning ``c_skip`` is the best linear guess of the field from x for data of unit variance and ``c_out`` the
size of what remains, so that every network learns a target of about unit variance and the guess is exact where x says
all (Karras et al., arXiv 2206.00364, section 5, for any row instead of the denoiser alone). In a one-sided process and in
a mirror all fields then have the same remainder, whose row is smooth in time: none is singular at either end.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from si_core.contract.clock import Clock
from si_core.process.rows import Structure, stack
from si_core.process.schedule import Schedule

__all__ = ["Parametrisation", "Remainder"]

_ROUNDING = 8 * torch.finfo(torch.float64).eps


@dataclass(frozen=True)
class Remainder:
    """``row = c_skip xi + c_out network_row`` up to rows that are zero.

    Args:
        skip: ``c_skip``, shape (N,).
        out: ``c_out``, shape (N,); of either sign, and 0 where x says all.
        row: the network's own row, shape (N, basis); of unit length with preconditioning, and 0 where ``out`` is, for
            there the network learns nothing.
    """

    skip: Tensor
    out: Tensor
    row: Tensor


@dataclass(frozen=True)
class Parametrisation:
    """The clock in which fields are learned, and whether networks learn the remainder beside x.

    Args:
        clock: networks are told positions in this clock, and velocities are learned per unit of it.
        precondition: whether x's known share is taken out.
    """

    clock: Clock
    precondition: bool

    def remainder(self, structure: Structure, field: str, s: Schedule) -> Remainder:
        """The split of a field's row at the times of a schedule in :attr:`clock`."""
        row = stack(structure.row(field, s), s)
        position = structure.position_row(s) if self.precondition else None
        if position is None:
            return Remainder(torch.zeros_like(s.u), torch.ones_like(s.u), row)
        zeros = [stack(zero, s) for zero in structure.zero_rows(s)]
        xi, whole = stack(position, s), row
        for zero in zeros:
            row = row - (row * zero).sum(-1, keepdim=True) * zero
            xi = xi - (xi * zero).sum(-1, keepdim=True) * zero
        skip = (row * xi).sum(-1) / xi.square().sum(-1)
        if len(zeros) > 1:
            return Remainder(skip, torch.zeros_like(skip), torch.zeros_like(row))
        if zeros:
            # One direction is left, the same for every field. Taken from x and not from the field, it does not turn
            # round where the field's share of it passes through 0.
            direction = torch.nn.functional.normalize(torch.linalg.cross(xi, zeros[0]), dim=-1)
            out, terms = (whole * direction).sum(-1), (whole * direction).abs().sum(-1)
        else:
            rest = row - skip.unsqueeze(-1) * xi
            out, terms = rest.norm(dim=-1), row.norm(dim=-1)
            direction = rest / out.unsqueeze(-1)
        nothing = out.abs() <= _ROUNDING * terms
        return Remainder(skip, out.masked_fill(nothing, 0.0), direction.masked_fill(nothing.unsqueeze(-1), 0.0))
