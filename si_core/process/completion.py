"""Completion: any field as a linear combination of the known ones and of x.

Given the coefficients ``r_k`` of known fields (what networks learned), ``xi`` of x itself and of combinations that are
zero, those of a wanted field are

    ``w = sum_k c_k r_k + c_x xi + (zero combinations)``     so     ``field(x) = sum_k c_k field_k(x) + c_x x``.

Where x0 is given it is known as well, and ``c_0 x0`` is added.

The weights ``c`` are numbers for every time: they are found once on a grid and cost nothing in a loop. Each completion
comes with a verdict on them: *bounded*, *unbounded at an end*, *a pole inside*, or *out of the span* of what is known.
Of the sets of known fields the smallest with the best verdict is taken.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from si_core.contract.clock import Clock
from si_core.contract.limits import MarginLimits, end_limits
from si_core.contract.schedule import Schedule
from si_core.process.candidates import TOLERANCE, Candidate, candidates, trusted
from si_core.process.coefficients import Structure
from si_core.process.combination import CoefficientFunction, Combination, combination, system_at
from si_core.process.verdict import WHOLE, Verdict

__all__ = ["MARGIN", "WHOLE", "Choice", "CoefficientFunction", "Completion", "Verdict", "choose", "complete"]

MARGIN = 2.0**-8
"""How far from an end, in the clock, unbounded weights are frozen where that is asked for."""

_BESIDE = 2.0**-20
"""How far beside a single time at which known fields are dependent weights are taken: their mean errs by its square."""


@dataclass(frozen=True)
class Choice:
    """Which of the known fields make a wanted one, and what their weights do.

    Args:
        indices: which of all known fields.
        verdict: on their weights.
        ends: their limits at t = 0 and at t = 1, each of the known fields, of x, and of x0; None where they are found
            anew.
    """

    indices: tuple[int, ...]
    verdict: Verdict
    ends: list[list[float]] | None = None


class Completion:
    """The weights that make a wanted field, as functions of the clock position.

    Args:
        evaluate: the combination at clock positions.
        choice: which of all known fields are in use, and what their weights do between the ends and at them.
        freeze: whether, at an end where weights are unbounded, their last values in :data:`MARGIN` are kept.
    """

    def __init__(self, evaluate: Callable[[Tensor], Combination], choice: Choice, freeze: bool) -> None:
        self._evaluate, self.indices, self.verdict = evaluate, choice.indices, choice.verdict
        self._ends = None if choice.ends is None else torch.tensor(choice.ends, dtype=torch.float64)
        self._limits = MarginLimits(self._inside, MARGIN) if freeze and any(choice.verdict.unbounded) else None

    @property
    def unbounded(self) -> tuple[bool, bool]:
        """Whether weights grow without bound at t = 0 and at t = 1."""
        return self.verdict.unbounded

    def __call__(self, u: Tensor) -> Tensor:
        """The weights at clock positions u, shape (N, len(indices) + 2): of the known fields, of x, and of x0.

        Infinite at an end where they are unbounded, unless they are frozen there.
        """
        return end_limits(self._inside, u, self._ends) if self._limits is None else self._limits(u)

    def _inside(self, u: Tensor) -> Tensor:
        found = self._evaluate(u)
        single = found.residual > TOLERANCE
        if not self.verdict.in_span or not bool(single.any()):
            return found.weights
        single = single & trusted(u)
        if not bool(single.any()):
            return found.weights
        # A known field may vanish at a single time, such as the velocity in the middle of a symmetric mirror; what it
        # gives there is the limit from both sides.
        beside = [self._evaluate(u + shift).weights for shift in (-_BESIDE, _BESIDE)]
        return torch.where(single.unsqueeze(-1), (beside[0] + beside[1]) / 2, found.weights)


def choose(
    schedule: Callable[[Clock, Tensor], Schedule],
    clock: Clock,
    structure: Structure,
    known: Sequence[CoefficientFunction],
    wanted: CoefficientFunction,
    span: tuple[float, float] = WHOLE,
) -> Choice:
    """The best set of known fields; arguments of :func:`complete`.

    Bounded at all times is best, then bounded in the span, unbounded at an end, and poles inside; of equals the first
    with the fewest fields. Out of the span of the known fields all of them come nearest.
    """
    reached = list[Candidate]()
    for candidate in candidates(schedule, clock, structure, known, wanted):
        if candidate.bounded(WHOLE):
            return Choice(candidate.indices, candidate.verdict, candidate.ends.tolist())
        reached.append(candidate)
    if not reached:
        return Choice(tuple(range(len(known))), Verdict(in_span=False))
    best = min(reached, key=lambda candidate: candidate.verdict.within(span).rank)
    return Choice(best.indices, best.verdict, best.ends.tolist())


def complete(
    schedule: Callable[[Clock, Tensor], Schedule],
    clock: Clock,
    structure: Structure,
    known: Sequence[CoefficientFunction],
    wanted: CoefficientFunction,
    span: tuple[float, float] = WHOLE,
    freeze: bool = False,
    choice: Choice | None = None,
) -> Completion:
    """The best completion of a wanted field from known ones, with its verdict.

    Args:
        schedule: the process's schedule for a clock and clock positions.
        clock: the clock in which ``wanted`` is meant and the weights are wanted.
        structure: the process's structure.
        known: the coefficients of the known fields.
        wanted: the coefficients of the field to express.
        span: the clock positions at which the weights are needed, early to late.
        freeze: as for :class:`Completion`.
        choice: what :func:`choose` finds, where it is known and remains so: then the limits at the ends are taken from
            it. Else they are found anew each time, with the other weights.
    """
    choice = choice or replace(choose(schedule, clock, structure, known, wanted, span), ends=None)
    chosen = [known[i] for i in choice.indices]

    def evaluate(u: Tensor) -> Combination:
        return combination(system_at(structure, chosen, wanted, schedule(clock, u)))

    frozen = freeze and any(choice.verdict.within(span).unbounded)
    return Completion(evaluate, choice, frozen)
