"""The sets of known fields of which a wanted field is a combination, each with what its weights do.

All coefficients are computed once, at the positions of :func:`survey`, for all sets, for the limits at both ends, and
for the search for poles between them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache, cached_property, partial
from itertools import combinations

import torch
from torch import Tensor

from si_core.contract.clock import Clock
from si_core.contract.limits import limit_nodes, limits_of
from si_core.contract.schedule import Schedule
from si_core.process.coefficients import Structure
from si_core.process.combination import CoefficientFunction, Combination, combination, system_at
from si_core.process.poles import find_poles, grid
from si_core.process.verdict import Verdict

__all__ = ["TOLERANCE", "Candidate", "candidates", "survey", "trusted"]

TOLERANCE = 1e-8
"""The residual, beside the wanted field, from which on that field is missed: half of the digits."""

_INSIDE = 0.02
_NODES = len(limit_nodes(0.0))
_BETWEEN = slice(2 * _NODES, None)
_NEIGHBOURS = slice(-250, -248)
"""Two trusted neighbours on :func:`grid`, at no time of symmetry, in :func:`survey`."""


@cache
def survey() -> Tensor:
    """The clock positions at which coefficients are computed: beside the ends, and between on :func:`grid`; (N,)."""
    # Out of inference mode, for what is kept may be asked again where the process learns.
    with torch.inference_mode(False):
        return torch.cat([limit_nodes(0.0), limit_nodes(1.0), grid()])


def trusted(u: Tensor) -> Tensor:
    """Where residuals are trusted: not beside the ends, where coefficients may lose all but a few digits."""
    return (u > _INSIDE) & (u < 1 - _INSIDE)


@dataclass(frozen=True)
class Candidate:
    """A set of known fields of which the wanted one is a combination, but for single times.

    Args:
        indices: which of all known fields.
        found: the combination at :func:`survey`, with errors.
        evaluate: the combination at other clock positions.
    """

    indices: tuple[int, ...]
    found: Combination
    evaluate: Callable[[Tensor], Combination]

    @cached_property
    def ends(self) -> Tensor:
        """The limits of the weights at t = 0 and at t = 1, shape (2, len(indices) + 2); infinite without bound."""
        ends = self.found[: 2 * _NODES]
        error = None if ends.error is None else ends.error.reshape(2, _NODES, -1)
        return limits_of(ends.weights.reshape(2, _NODES, -1), error)

    @cached_property
    def unbounded(self) -> tuple[bool, bool]:
        """Whether weights grow without bound at t = 0 and at t = 1: known sooner than all of the verdict."""
        start, stop = torch.isfinite(self.ends).all(1).tolist()
        return not start, not stop

    @cached_property
    def verdict(self) -> Verdict:
        """What the weights do at the ends and between them."""
        return Verdict(self.unbounded, find_poles(self.evaluate, self.found[_BETWEEN]))

    def bounded(self, span: tuple[float, float]) -> bool:
        """Whether the weights are bounded in a span of the clock."""
        return not any(Verdict(self.unbounded).within(span).unbounded) and self.verdict.within(span).bounded


def candidates(
    schedule: Callable[[Clock, Tensor], Schedule],
    clock: Clock,
    structure: Structure,
    known: Sequence[CoefficientFunction],
    wanted: CoefficientFunction,
) -> Iterator[Candidate]:
    """The candidates among the sets of known fields, small ones first; arguments of ``completion.complete``."""
    whole = system_at(structure, known, wanted, schedule(clock, survey()))

    def evaluate(indices: tuple[int, ...], u: Tensor) -> Combination:
        return combination(system_at(structure, [known[i] for i in indices], wanted, schedule(clock, u)))

    for size in range(len(known) + 1):
        for indices in combinations(range(len(known)), size):
            # Most sets that are too small miss the wanted field anywhere.
            if size < len(known) and _out_of_reach(whole.residual(_NEIGHBOURS, indices)):
                continue
            found = combination(whole.of(indices), errors=True)
            if not _out_of_reach(found.residual[_BETWEEN][trusted(grid())]):
                yield Candidate(indices, found, partial(evaluate, indices))


def _out_of_reach(residual: Tensor) -> bool:
    """Whether the wanted field is missed, and not at single times alone, where the known ones are dependent.

    Args:
        residual: at neighbours among the positions that are trusted.
    """
    missed = residual > TOLERANCE
    return bool((missed[1:] & missed[:-1]).any())
