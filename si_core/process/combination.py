"""A wanted row as a combination of known ones, at given times.

    ``w = sum_k c_k r_k + c_x xi + c_0 (row of x0) + (zero rows)``

The rows of x, of a given x0 and of what is zero are *free*: what is left of all others at right angles to them is
solved for the ``c_k``, and the free coefficients follow.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from si_core.contract.schedule import Schedule
from si_core.process.rows import Structure, stack

__all__ = ["Combination", "RowFunction", "Rows", "combination", "rows_at"]

RowFunction = Callable[[Schedule], Tensor]
"""The row of a known or wanted field at the times of a schedule, shape (N, basis)."""

_RANK, _DEPENDENCE = 1e-10, 1e-7


@dataclass(frozen=True)
class Rows:
    """All rows at N times; ones where ``valid`` is False.

    Args:
        wanted: shape (N, basis).
        known: shape (N, K, basis).
        free: shape (N, F, basis).
        has: whether x and x0 are among the free rows, at their head.
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
        residual: how much of the wanted row is out of reach, relative to its size, shape (N,).
        singular: the singular values of the known rows at right angles to the free ones, each of unit length there,
            shape (N, min(K, basis)) in falling order; the determinant of K independent rows is their product.
    """

    coefficients: Tensor
    residual: Tensor
    singular: Tensor

    @property
    def size(self) -> Tensor:
        """The largest coefficient in absolute value, shape (N,)."""
        return self.coefficients.abs().amax(-1)


def rows_at(structure: Structure, known: Sequence[RowFunction], wanted: RowFunction, s: Schedule) -> Rows:
    """The rows at the times of a schedule."""
    target = wanted(s)
    nothing = target.new_zeros(len(s.u), 0, target.shape[-1])
    rows = torch.stack([row(s) for row in known], -2) if known else nothing
    valued = [structure.position_row(s), structure.anchor_row()]
    free = [stack(row, s) for row in [*valued, *structure.zero_rows(s)] if row is not None]
    basis = torch.stack(free, -2) if free else nothing
    # At the ends rows may lose rank, so a limit from inside is the only meaning there.
    valid = (s.u > 0) & (s.u < 1)
    for part in (target, rows, basis):
        valid = valid & torch.isfinite(part).flatten(1).all(1)
    target, rows, basis = (_where(valid, part) for part in (target, rows, basis))
    return Rows(target, rows, basis, (valued[0] is not None, valued[1] is not None), valid)


def combination(rows: Rows) -> Combination:
    """The smallest coefficients that give the wanted row, or what is nearest to it."""
    wanted, known, free = rows.wanted, rows.known, rows.free

    def outside(part: Tensor) -> Tensor:
        if not free.shape[1]:
            return part
        orthonormal: Tensor = torch.linalg.qr(free.mT)[0]
        return part - (part @ orthonormal) @ orthonormal.mT

    weights, singular = _solve(outside(known), outside(wanted.unsqueeze(-2)))
    rest = wanted - (weights.unsqueeze(-2) @ known).squeeze(-2)
    of_free = wanted[:, :0]
    missing = rest
    if free.shape[1]:
        of_free = (rest.unsqueeze(-2) @ torch.linalg.pinv(free, rtol=_RANK)).squeeze(-2)
        missing = rest - (of_free.unsqueeze(-2) @ free).squeeze(-2)
    columns, zero = iter(of_free.unbind(-1)), torch.zeros_like(wanted[:, 0])
    of_values = [next(columns) if has else zero for has in rows.has]
    coefficients = torch.cat([weights, torch.stack(of_values, -1)], -1)
    coefficients = torch.where(rows.valid.unsqueeze(-1), coefficients, torch.nan)
    size = wanted.norm(dim=-1).clamp_min(torch.finfo(wanted.dtype).tiny)
    return Combination(coefficients, missing.norm(dim=-1) / size, singular)


def _solve(rows: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
    """The smallest c (N, K) with ``c rows = target``, and the singular values of the directions of the rows.

    Args:
        rows: shape (N, K, basis).
        target: shape (N, 1, basis).
    """
    sizes = rows.norm(dim=-1).clamp_min(torch.finfo(rows.dtype).tiny)
    directions = rows / sizes.unsqueeze(-1)
    left, singular, right = torch.linalg.svd(directions, full_matrices=False)
    inverse = torch.where(singular > _RANK * singular[..., :1], 1 / singular, 0.0)
    scaled: Tensor = ((target @ right.mT) * inverse.unsqueeze(-2) @ left.mT).squeeze(-2) / sizes
    count = rows.shape[-2]
    if count < 2:
        return scaled, singular
    independent = (singular > _DEPENDENCE * singular[..., :1]).sum(-1) == count
    if bool(independent.all()):
        return scaled, singular
    # Independent rows have one solution, which unit lengths find with the most digits. Of the many of dependent rows
    # the smallest is bounded if any is; unit lengths would share the target out to rows that vanish at an end.
    smallest = (target @ torch.linalg.pinv(rows, rtol=_RANK)).squeeze(-2)
    return torch.where(independent.unsqueeze(-1), scaled, smallest), singular


def _where(valid: Tensor, part: Tensor) -> Tensor:
    if part.shape[1:].numel() == 0:
        return part
    mask = valid.reshape(-1, *(1 for _ in part.shape[1:]))
    return torch.where(mask, part, torch.ones_like(part))
