"""Completion: any field as a linear combination of the known ones and of x.

Given known rows ``r_k`` (what networks learned), the position row ``xi`` (x is known) and zero rows, a wanted row w is

    ``w = sum_k c_k r_k + c_x xi + (zero rows)``     so     ``field(x) = sum_k c_k field_k(x) + c_x x``.

Where x0 is given, its row is known as well, and ``c_0 x0`` is added.

The coefficients are numbers for every time: they are found once on a grid and cost nothing in a loop. Each completion
comes with a verdict on them: *bounded*, *unbounded at an end*, *a pole inside*, or *out of the span* of what is known.
Of the sets of known rows the smallest with the best verdict is taken.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache, cached_property, partial
from itertools import combinations

import torch
from torch import Tensor

from si_core.contract.clock import Clock
from si_core.contract.limits import MarginLimits, end_limits, limit_nodes, limit_of
from si_core.contract.schedule import Schedule
from si_core.process.combination import Combination, RowFunction, combination, rows_at
from si_core.process.poles import find_poles, grid
from si_core.process.rows import Structure

__all__ = ["MARGIN", "WHOLE", "Completion", "RowFunction", "Verdict", "complete", "survey"]

MARGIN = 2.0**-8
"""How far from an end, in the clock, unbounded coefficients are frozen where that is asked for."""

WHOLE = (0.0, 1.0)
"""The span of all clock positions."""

_TOLERANCE = 1e-8
_INSIDE = 0.02
"""Residuals are trusted so far from the ends, where rows may lose rank or all but a few digits."""
_BESIDE = 2.0**-20
"""How far beside a single time at which rows are dependent coefficients are taken: their mean errs by its square."""


@dataclass(frozen=True)
class Verdict:
    """What the coefficients of a completion do in a span of the clock.

    Args:
        unbounded: whether they grow without bound at t = 0 and at t = 1.
        poles: the clock positions between the ends at which they do.
        in_span: whether the wanted row is in the span of the known ones.
    """

    unbounded: tuple[bool, bool] = (False, False)
    poles: tuple[float, ...] = ()
    in_span: bool = True

    @property
    def bounded(self) -> bool:
        """Whether the coefficients are bounded."""
        return self.in_span and not self.poles and not any(self.unbounded)

    @property
    def usable(self) -> bool:
        """Whether the wanted field can be had at all times but the ends."""
        return self.in_span and not self.poles

    @property
    def rank(self) -> int:
        """0 for bounded, 1 for unbounded at an end, 2 for a pole inside, 3 for out of span."""
        return 3 if not self.in_span else 2 if self.poles else int(any(self.unbounded))

    @property
    def ends(self) -> str:
        """The ends at which the coefficients are unbounded, in words."""
        return " and ".join(f"t = {end}" for end, unbounded in enumerate(self.unbounded) if unbounded)

    def within(self, span: tuple[float, float]) -> Verdict:
        """The verdict on a span of the clock, early to late: what happens outside does not matter."""
        early, late = span
        unbounded = (self.unbounded[0] and early <= 0.0, self.unbounded[1] and late >= 1.0)
        return Verdict(unbounded, tuple(u for u in self.poles if early <= u <= late), self.in_span)


class Completion:
    """The coefficients of a wanted field as functions of the clock position.

    Args:
        evaluate: the combination at clock positions.
        indices: which of all known fields are in use.
        verdict: what the coefficients do between the ends and at them.
        freeze: whether, at an end where coefficients are unbounded, their last values in :data:`MARGIN` are kept.
    """

    def __init__(
        self, evaluate: Callable[[Tensor], Combination], indices: tuple[int, ...], verdict: Verdict, freeze: bool
    ) -> None:
        self._evaluate, self.indices, self.verdict = evaluate, indices, verdict
        self._limits = MarginLimits(self._inside, MARGIN) if freeze and any(verdict.unbounded) else None

    @property
    def unbounded(self) -> tuple[bool, bool]:
        """Whether coefficients grow without bound at t = 0 and at t = 1."""
        return self.verdict.unbounded

    def __call__(self, u: Tensor) -> Tensor:
        """The coefficients at clock positions u, shape (N, len(indices) + 2): of the known fields, of x, and of x0.

        Infinite at an end where they are unbounded, unless they are frozen there.
        """
        return end_limits(self._inside, u) if self._limits is None else self._limits(u)

    def _inside(self, u: Tensor) -> Tensor:
        found = self._evaluate(u)
        single = (found.residual > _TOLERANCE) & _trusted(u)
        if not self.verdict.in_span or not bool(single.any()):
            return found.coefficients
        # A known row may vanish at a single time, such as the velocity in the middle of a symmetric mirror; what it
        # gives there is the limit from both sides.
        beside = [self._evaluate(u + shift).coefficients for shift in (-_BESIDE, _BESIDE)]
        return torch.where(single.unsqueeze(-1), (beside[0] + beside[1]) / 2, found.coefficients)


def complete(
    schedule: Callable[[Clock, Tensor], Schedule],
    clock: Clock,
    structure: Structure,
    known: Sequence[RowFunction],
    wanted: RowFunction,
    span: tuple[float, float] = WHOLE,
    freeze: bool = False,
) -> Completion:
    """The best completion of a wanted row from known ones, with its verdict.

    Bounded at all times is best, then bounded in the span, unbounded at an end, and poles inside; of equals the first
    with the fewest fields. Out of the span of the known rows the completion is that of all of them.

    Args:
        schedule: the process's schedule for a clock and clock positions.
        clock: the clock in which ``wanted`` is meant and the coefficients are wanted.
        structure: the process's structure.
        known: the rows of the known fields.
        wanted: the row to express.
        span: the clock positions at which the coefficients are needed, early to late.
        freeze: as for :class:`Completion`.
    """
    whole = rows_at(structure, known, wanted, schedule(clock, survey()))
    everything, reached = tuple(range(len(known))), list[_Candidate]()

    def evaluate(indices: tuple[int, ...], u: Tensor) -> Combination:
        return combination(rows_at(structure, [known[i] for i in indices], wanted, schedule(clock, u)))

    for size in range(len(known) + 1):
        for indices in combinations(everything, size):
            found = combination(whole.of(indices))
            if _out_of_reach(found.residual[_BETWEEN]):
                continue
            reached.append(_Candidate(indices, found, partial(evaluate, indices)))
            # Whether there are poles is a longer question, for those of which the ends are none.
            if not any(reached[-1].unbounded) and reached[-1].verdict.bounded:
                return reached[-1].completion(freeze=False)
    if not reached:
        return Completion(partial(evaluate, everything), everything, Verdict(in_span=False), freeze)
    best = min(reached, key=lambda candidate: candidate.verdict.within(span).rank)
    return best.completion(freeze and any(best.verdict.within(span).unbounded))


@cache
def survey() -> Tensor:
    """The clock positions at which rows are looked at: beside both ends, and between them on :func:`grid`."""
    return torch.cat([limit_nodes(0.0), limit_nodes(1.0), grid()])


_NODES = len(limit_nodes(0.0))
_BETWEEN = slice(2 * _NODES, None)


@dataclass(frozen=True)
class _Candidate:
    """A set of known rows of which the wanted one is a combination: what was found at :func:`survey`, and elsewhere."""

    indices: tuple[int, ...]
    found: Combination
    evaluate: Callable[[Tensor], Combination]

    @cached_property
    def unbounded(self) -> tuple[bool, bool]:
        """Whether coefficients grow without bound at t = 0 and at t = 1."""
        coefficients = self.found.coefficients
        ends = (coefficients[:_NODES], coefficients[_NODES : 2 * _NODES])
        start, stop = (bool(torch.isfinite(limit_of(values)).all()) for values in ends)
        return not start, not stop

    @cached_property
    def verdict(self) -> Verdict:
        return Verdict(self.unbounded, find_poles(self.evaluate, self.found[_BETWEEN]))

    def completion(self, freeze: bool) -> Completion:
        return Completion(self.evaluate, self.indices, self.verdict, freeze)


def _trusted(u: Tensor) -> Tensor:
    return (u > _INSIDE) & (u < 1 - _INSIDE)


def _out_of_reach(residual: Tensor) -> bool:
    """Whether the wanted row is missed, and not at single times alone, where the known rows are dependent."""
    u = grid()
    missed = (residual > _TOLERANCE) & _trusted(u)
    return bool((missed[1:] & missed[:-1]).any())
