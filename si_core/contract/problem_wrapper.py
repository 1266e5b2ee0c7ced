"""Problems made of another problem, of which they change something."""

from __future__ import annotations

import copy
from collections.abc import Callable, Hashable, Sequence
from typing import Self, TypeVar

from torch import Tensor

from si_core.contract.drift_parts import DriftFunction
from si_core.contract.problem import LinearPart, Problem

__all__ = ["ProblemWrapper"]

Made = TypeVar("Made")


class ProblemWrapper(Problem):
    """Another problem, in all that a class which inherits from this one does not change.

    A wrapper with another drift or another noise has what follows from these by default (see
    :class:`~si_core.contract.problem.Problem`), not from the problem inside. One that only watches the drift says that
    it all still holds: ``divergence = ProblemWrapper.divergence``, and so with ``linear`` and ``memo``.

    Args:
        inner: the problem inside.
    """

    def __init__(self, inner: Problem) -> None:
        self.inner = inner
        self.start, self.stop, self.stochastic = inner.start, inner.stop, inner.stochastic

    def drift(self, time: float, x: Tensor) -> Tensor:
        return self.inner.drift(time, x)

    def noise(self, time: float) -> float:
        return self.inner.noise(time)

    def prepare(self, times: Sequence[float], x: Tensor) -> None:
        self.inner.prepare(times, x)

    def drift_parts(self) -> DriftFunction:
        # The inner function itself: a wrapper costs the loop nothing.
        return self.inner.drift_parts()

    def divergence(self, time: float, x: Tensor, probes: Tensor | None = None) -> tuple[Tensor, Tensor] | None:
        return self.inner.divergence(time, x, probes)

    def linear(self, times: Sequence[float], spread: float | None = None) -> LinearPart:
        return self.inner.linear(times, spread)

    def memo(self, key: Hashable, make: Callable[[], Made]) -> Made:
        return self.inner.memo(key, make)

    def head(self, rows: int) -> Self | None:
        """This wrapper of the first rows of the problem inside, where these are known.

        A wrapper that keeps something for each row of its own overrides it.
        """
        inner = self.inner.head(rows)
        if inner is None:
            return None
        few = copy.copy(self)
        few.inner = inner
        return few
