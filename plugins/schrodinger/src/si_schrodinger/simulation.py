"""A model's SDE run over the whole span of time, for the estimators that look at its paths.

Whatever the model's own method of sampling and span, the paths are those of the stochastic Heun method from fresh draws
of the end that they start from, at equal steps in the clock of sampling.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor

from si_core import Largest, Model, Transport, UsageError, build, integrate
from si_distributions.options import positive, whole
from si_schrodinger.reference import noise_level

__all__ = ["Batch", "Batched", "Groups", "Level", "Paths", "Simulation", "Steps", "Times", "needs_generator"]

Level = Annotated[float, Field(gt=0)] | None
Batched = Annotated[int, Field(ge=1, le=Largest.BATCH)]
Steps = Annotated[int, Field(ge=1, le=Largest.STEPS)]
Times = Annotated[int, Field(ge=1, le=Largest.COPIES)]
Paths = Annotated[int, Field(ge=16, le=Largest.POINTS)]
Groups = Annotated[int, Field(ge=2, le=Largest.COMPONENTS)]


def needs_generator(generator: torch.Generator | None, where: str) -> torch.Generator:
    """The generator, which must be given."""
    if generator is None:
        raise UsageError(
            "a source of randomness is needed", where=where, fix="pass generator=torch.Generator().manual_seed(0)"
        )
    return generator


@dataclass(frozen=True)
class Batch:
    """Paths at K+1 nodes of time, from where they start to where they end.

    Args:
        transport: the SDE that they solve.
        positions: the nodes in its clock, shape (K+1,), float64.
        times: the same as times t.
        states: shape (K+1, B, *event).
    """

    transport: Transport
    positions: Tensor
    times: Tensor
    states: Tensor


@dataclass(frozen=True)
class Simulation:
    """How paths are made: options that several estimators share.

    Args:
        where: the estimator's name.
        epsilon: the noise level; None for the model's, where that is a number.
        n: the number of paths.
        steps: of the stochastic Heun method.
        batch: how many paths are made at once.

    Raises:
        UsageError: an option out of range.
    """

    where: str
    epsilon: float | None
    n: int
    steps: int
    batch: int

    def __post_init__(self) -> None:
        if self.epsilon is not None:
            positive(self.epsilon, "epsilon", self.where)
        for name, least in (("n", 16), ("steps", 1), ("batch", 1)):
            whole(getattr(self, name), name, self.where, least)

    def level(self, model: Model) -> float:
        """The noise level; see :func:`~si_schrodinger.reference.noise_level`."""
        return noise_level(model, self.epsilon, self.where)

    def batches(
        self, model: Model, generator: torch.Generator, nodes: int = 1, backward: bool = False
    ) -> Iterator[Batch]:
        """The paths in batches, each at the ends of ``nodes`` equal parts of the clock.

        Args:
            model: the model.
            generator: the source of the first states and of the noise.
            nodes: at most the number of steps.
            backward: whether they run from the target to the source.

        Raises:
            UsageError: no constant noise, or an SDE out of reach of what the model learned.
            NumericsError: paths that leave the finite numbers.
        """
        level, (start, stop) = self.level(model), (1.0, 0.0) if backward else (0.0, 1.0)
        whole_span = replace(model, start=start, stop=stop)
        method = build("integrator", "si-integrators/stochastic-heun", steps=self.steps)
        for first in range(0, self.n, self.batch):
            x, condition = whole_span.initial(min(self.batch, self.n - first), generator)
            transport = whole_span.transport(epsilon=level, condition=condition)
            u = torch.linspace(start, stop, nodes + 1, dtype=torch.float64)
            t = transport.clock.time(u)
            path = integrate(transport, x, method, generator, times=t[1:-1])
            yield Batch(transport, u, t, path.x)

    def pairs(self, model: Model, generator: torch.Generator, backward: bool = False) -> tuple[Tensor, Tensor]:
        """x0 and x1 of all paths as rows, each (n, d), float64."""
        ends = [batch.states[[0, -1]].flatten(2).double() for batch in self.batches(model, generator, 1, backward)]
        first, last = torch.cat(ends, 1)
        return (last, first) if backward else (first, last)
