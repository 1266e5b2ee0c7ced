"""How a network's output stands for a field: in which clock, and beside which known share of x.

    ``field(u, x) = c_skip(u) x + c_out(u) network(u, x)``

With preconditioning ``c_skip`` is the best linear guess of the field from x for data of unit variance and ``c_out`` the
size of what remains, so that every network learns a target of about unit variance and the guess is exact where x says
all (Karras et al., arXiv 2206.00364, section 5, for any row instead of the denoiser alone). In a one-sided process all
fields then have the same remainder, up to sign: none is singular at either end.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from si_core.contract.clock import Clock
from si_core.process.rows import Structure, stack
from si_core.process.schedule import Schedule

__all__ = ["Parametrisation", "Remainder"]


@dataclass(frozen=True)
class Remainder:
    """``row = c_skip xi + c_out network_row`` up to rows that are zero.

    Args:
        skip: ``c_skip``, shape (N,).
        out: ``c_out``, shape (N,).
        row: the network's own row, shape (N, basis).
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
        xi = stack(position, s)
        for zero in structure.zero_rows(s):
            direction = stack(zero, s)
            row = row - (row * direction).sum(-1, keepdim=True) * direction
            xi = xi - (xi * direction).sum(-1, keepdim=True) * direction
        skip = (row * xi).sum(-1) / xi.square().sum(-1)
        rest = row - skip.unsqueeze(-1) * xi
        out = rest.norm(dim=-1)
        return Remainder(skip, out, rest / out.unsqueeze(-1))
