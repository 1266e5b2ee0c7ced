"""Completion: any field as a linear combination of the known ones and of x.

Given known rows ``r_k`` (what networks learned), the position row ``xi`` (x is known) and zero rows, a wanted row w is

    ``w = sum_k c_k r_k + c_x xi + (zero rows)``     so     ``field(x) = sum_k c_k field_k(x) + c_x x``.

Where x0 is given, its row is known as well, and ``c_0 x0`` is added.

The coefficients are numbers for every time: they are found once on a grid and cost nothing in a loop. Of the sets of
known rows that do, the smallest whose coefficients stay bounded up to the ends of time is taken; where none is bounded,
the smallest, with the coefficients of the last ``MARGIN`` of the clock frozen. A set with a pole between the ends (rows
that are parallel at one time) does not do.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import combinations

import torch
from torch import Tensor

from si_core.contract.clock import Clock
from si_core.contract.limits import MarginLimits, end_limits
from si_core.contract.schedule import Schedule
from si_core.process.rows import Structure, stack

__all__ = ["MARGIN", "Completion", "RowFunction", "complete"]

MARGIN = 2.0**-8
"""How far from an end, in the clock, unbounded coefficients are frozen."""

_TOLERANCE = 1e-8
_RANK, _DEPENDENCE = 1e-10, 1e-7
_PROBES = (0.08, 0.21, 0.37, 0.5, 0.63, 0.79, 0.92)
_ZOOMS, _ZOOM_POINTS, _POLE_GROWTH = 4, 64, 32.0

RowFunction = Callable[[Schedule], Tensor]
"""The row of a known or wanted field at the times of a schedule, shape (N, basis)."""


class Completion:
    """The coefficients of a wanted field as functions of the clock position.

    Args:
        schedule: the process's schedule at clock positions.
        structure: the process's structure.
        known: the rows in use.
        wanted: the row to express.
        indices: which of all known fields are in use.
    """

    def __init__(
        self,
        schedule: Callable[[Tensor], Schedule],
        structure: Structure,
        known: Sequence[RowFunction],
        wanted: RowFunction,
        indices: tuple[int, ...],
    ) -> None:
        self._schedule, self._structure, self._known, self._wanted = schedule, structure, known, wanted
        self.indices = indices
        self._limits = MarginLimits(lambda u: self._inside(u)[0], MARGIN)
        self.unbounded = self._limits.unbounded
        """Whether coefficients grow without bound at t = 0 and at t = 1."""

    def __call__(self, u: Tensor) -> Tensor:
        """The coefficients at clock positions u, shape (N, len(indices) + 2): of the known fields, of x, and of x0."""
        return self._limits(u)

    def pointwise(self, u: Tensor) -> Tensor:
        """The same, frozen only where they are infinite: at an end itself."""
        values = end_limits(lambda v: self._inside(v)[0], u)
        return torch.where(torch.isfinite(values), values, self(u))

    def residual(self, u: Tensor) -> Tensor:
        """How much of the wanted row is out of reach, relative to its size, shape (N,)."""
        return self._inside(u)[1]

    def has_inner_pole(self) -> bool:
        """Whether a coefficient has no bound somewhere between the ends: its peak grows as one looks closer."""
        low, high = _PROBES[0], _PROBES[-1]
        first = peak = 0.0
        for _ in range(_ZOOMS):
            u = torch.linspace(low, high, _ZOOM_POINTS, dtype=torch.float64)
            sizes = self._inside(u)[0].abs().nan_to_num(0.0).amax(-1)
            top, spacing = int(sizes.argmax()), (high - low) / (_ZOOM_POINTS - 1)
            peak = float(sizes[top])
            first = first or peak
            low, high = max(_PROBES[0], float(u[top]) - spacing), min(_PROBES[-1], float(u[top]) + spacing)
        return peak > _POLE_GROWTH * first

    def _inside(self, u: Tensor) -> tuple[Tensor, Tensor]:
        s = self._schedule(u)
        structure = self._structure
        wanted = self._wanted(s)
        rows = (
            torch.stack([row(s) for row in self._known], -2)
            if self._known
            else wanted.new_zeros(len(u), 0, wanted.shape[-1])
        )
        valued = [structure.position_row(s), structure.anchor_row()]
        free = [stack(row, s) for row in [*valued, *structure.zero_rows(s)] if row is not None]
        basis = torch.stack(free, -2) if free else wanted.new_zeros(len(u), 0, wanted.shape[-1])
        # At the ends rows may lose rank, so a limit from inside is the only meaning there.
        valid = (u > 0) & (u < 1)
        for part in (wanted, rows, basis):
            valid = valid & torch.isfinite(part).flatten(1).all(1)
        wanted, rows, basis = (_where(valid, part) for part in (wanted, rows, basis))

        def outside(part: Tensor) -> Tensor:
            if not free:
                return part
            orthonormal: Tensor = torch.linalg.qr(basis.mT)[0]
            return part - (part @ orthonormal) @ orthonormal.mT

        target = outside(wanted.unsqueeze(-2))
        unknown = outside(rows)
        weights = _solve(unknown, target)
        rest = wanted - (weights.unsqueeze(-2) @ rows).squeeze(-2)
        of_free = (rest.unsqueeze(-2) @ torch.linalg.pinv(basis, rtol=_RANK)).squeeze(-2) if free else wanted[:, :0]
        missing = rest - (of_free.unsqueeze(-2) @ basis).squeeze(-2) if free else rest
        columns, zero = iter(of_free.unbind(-1)), torch.zeros_like(wanted[:, 0])
        of_values = [zero if row is None else next(columns) for row in valued]
        coefficients = torch.cat([weights, torch.stack(of_values, -1)], -1)
        coefficients = torch.where(valid.unsqueeze(-1), coefficients, torch.nan)
        size = wanted.norm(dim=-1).clamp_min(torch.finfo(u.dtype).tiny)
        return coefficients, missing.norm(dim=-1) / size


def _solve(rows: Tensor, target: Tensor) -> Tensor:
    """The smallest c (N, k) with ``c rows = target``, for rows (N, k, basis) and target (N, 1, basis)."""
    sizes = rows.norm(dim=-1).clamp_min(torch.finfo(rows.dtype).tiny)
    directions = rows / sizes.unsqueeze(-1)
    left, singular, right = torch.linalg.svd(directions, full_matrices=False)
    inverse = torch.where(singular > _RANK * singular[..., :1], 1 / singular, 0.0)
    scaled: Tensor = ((target @ right.mT) * inverse.unsqueeze(-2) @ left.mT).squeeze(-2) / sizes
    count = rows.shape[-2]
    if count < 2:
        return scaled
    independent = (singular > _DEPENDENCE * singular[..., :1]).sum(-1) == count
    if bool(independent.all()):
        return scaled
    # Independent rows have one solution, which unit lengths find with the most digits. Of the many of dependent rows
    # the smallest is bounded if any is; unit lengths would share the target out to rows that vanish at an end.
    smallest = (target @ torch.linalg.pinv(rows, rtol=_RANK)).squeeze(-2)
    return torch.where(independent.unsqueeze(-1), scaled, smallest)


def _where(valid: Tensor, part: Tensor) -> Tensor:
    if part.shape[1:].numel() == 0:
        return part
    mask = valid.reshape(-1, *(1 for _ in part.shape[1:]))
    return torch.where(mask, part, torch.ones_like(part))


def complete(
    schedule: Callable[[Clock, Tensor], Schedule],
    clock: Clock,
    structure: Structure,
    known: Sequence[RowFunction],
    wanted: RowFunction,
) -> Completion | None:
    """The best completion of a wanted row from known ones; None where it is out of their span.

    Args:
        schedule: the process's schedule for a clock and clock positions.
        clock: the clock in which ``wanted`` is meant and the coefficients are wanted.
        structure: the process's structure.
        known: the rows of the known fields.
        wanted: the row to express.
    """
    probes = torch.tensor(_PROBES, dtype=torch.float64)
    first: Completion | None = None
    for size in range(len(known) + 1):
        for indices in combinations(range(len(known)), size):
            completion = Completion(
                lambda u: schedule(clock, u), structure, [known[i] for i in indices], wanted, indices
            )
            if bool((completion.residual(probes) > _TOLERANCE).any()) or completion.has_inner_pole():
                continue
            if not any(completion.unbounded):
                return completion
            first = first or completion
    return first
