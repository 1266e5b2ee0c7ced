"""The times of training: each step's own, with the scalars of many steps computed at once.

For the times of one batch a kernel costs more to start than to run, and a schedule is dozens of kernels. The steps of a
block draw their times from one stream, so a step's times depend on the seed and its number alone; those of importance
sampling also on the gradients met before the block, which are part of the state of training.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from si_core.contract.runtime import Runtime
from si_core.contract.schedule import Schedule
from si_core.errors import StorageError
from si_core.fields.learned import LearnedFields, Preconditioning
from si_core.models.streams import reseed
from si_core.recipes.training import ImportanceTimes, LogitNormalTimes, Times
from si_core.training.importance import ImportanceDensity, draw_from
from si_core.training.rows import rows_of

__all__ = ["StepTimes", "TrainingTimes"]

_TIMES, _STEPS = 2**15, 32
"""The most times in a block, unless one batch has more, and the most steps."""

_NEAREST = 2.0**-53
"""How near to an end of time a draw may come."""


class StepTimes(NamedTuple):
    """The times of a step, in the states' precision.

    Args:
        schedule: the process's scalars at these times.
        preconditioning: how predictions are made of x and outputs; None where outputs are the fields.
        weights: of the losses, shape (B,); None where all are 1.
        bins: of importance sampling, shape (n,) on the CPU: the second of an antithetic pair is not counted.
    """

    schedule: Schedule
    preconditioning: list[Preconditioning] | None
    weights: Tensor | None = None
    bins: Tensor | None = None

    def rows(self, rows: slice, antithetic: bool) -> StepTimes:
        """Those of some rows; where each stands twice, of both."""

        def some(values: Tensor) -> Tensor:
            return rows_of(values, rows, antithetic)

        known = self.preconditioning and [tuple(map(some, parts)) for parts in self.preconditioning]
        return StepTimes(
            self.schedule.mapped(some),
            known,
            None if self.weights is None else some(self.weights),
            None if self.bins is None else self.bins[rows],
        )


class TrainingTimes:
    """Times in the clock of learning, drawn as a recipe says.

    Args:
        fields: what is learned; its clock and parametrisation count.
        times: how times are drawn.
        batch: times a step.
        seed: the recipe's seed.
        antithetic: whether each time is needed twice over: n rows, then the n rows with the noise turned round.
        dtype: the precision of the states.
        runtime: where they are.
        moving: whether the process itself is trained: then a schedule holds for one step only.
    """

    def __init__(
        self,
        fields: LearnedFields,
        times: Times,
        batch: int,
        seed: int,
        antithetic: bool,
        dtype: torch.dtype,
        runtime: Runtime,
        moving: bool = False,
    ) -> None:
        self._fields, self._batch, self._seed, self._antithetic, self._dtype = fields, batch, seed, antithetic, dtype
        self._times, self._clock = times, fields.parametrisation.clock
        self._steps = 1 if moving else max(1, min(_STEPS, _TIMES // batch))
        self._generator = runtime.generator()
        self._block, self._at = -1, list[StepTimes]()
        self._gradients: ImportanceDensity | None = None
        if isinstance(times, ImportanceTimes):
            self._gradients = ImportanceDensity(times.bins, times.uniform)
            self._density = self._gradients.density()

    def at(self, step: int) -> StepTimes:
        """The times of a step with all that depends on them alone."""
        block, place = divmod(step, self._steps)
        if block != self._block:
            if self._gradients is not None and isinstance(self._times, ImportanceTimes):
                warm = block * self._steps >= self._times.warmup
                self._density = self._gradients.density() if warm else torch.ones_like(self._density)
            self._enter(block)
        return self._at[place]

    def block_end(self, step: int) -> int:
        """The step after the last one whose times are computed together with those of this one."""
        return (step // self._steps + 1) * self._steps

    def learn(self, step: StepTimes, squares: Tensor) -> None:
        """Take in the squared gradients of a step's draws, those of the mean of its weighted losses, shape (n,)."""
        if self._gradients is not None and step.weights is not None and step.bins is not None:
            scale = len(step.weights) / step.weights[: self._batch].double()
            self._gradients.add(step.bins, squares * scale.square())

    def state(self) -> dict[str, Tensor]:
        """What the next times depend on beside the seed and the step; empty where nothing else does."""
        return {} if self._gradients is None else {**self._gradients.state(), "density": self._density}

    def restore(self, step: int, state: dict[str, Tensor], where: str) -> None:
        """Go on from a state before a step.

        Raises:
            StorageError: the state is that of other bins.
        """
        if self._gradients is None:
            return
        own = self.state()
        if {name: value.shape for name, value in state.items()} != {name: value.shape for name, value in own.items()}:
            raise StorageError(
                "the checkpoint is of other bins of times",
                where=where,
                got=", ".join(f"{name} {tuple(value.shape)}" for name, value in state.items()),
                allowed=f"{', '.join(own)} of {len(self._density)} bins",
                fix="resume with the recipe the run was started with, or start a new run",
            )
        self._gradients.restore(state)
        self._density, self._block = state["density"].clone(), -1
        block, place = divmod(step, self._steps)
        if place:
            self._enter(block)

    def _enter(self, block: int) -> None:
        self._block, self._at = block, self._compute(block)

    def _compute(self, block: int) -> list[StepTimes]:
        stream = reseed(self._generator, self._seed, "times", 0, block)
        u, weights, bins = self._draw(stream)
        if self._antithetic:
            u = torch.cat([u, u], 1)
        s = self._fields.process.schedule(self._clock, u.flatten())
        schedules = s.to(self._dtype).split(self._steps)
        preconditioning = self._preconditioning(s)
        if weights is None or bins is None:
            return [StepTimes(schedule, each) for schedule, each in zip(schedules, preconditioning, strict=True)]
        if self._antithetic:
            weights = torch.cat([weights, weights], 1)
        return list(map(StepTimes, schedules, preconditioning, weights.to(self._dtype), bins.cpu()))

    def _draw(self, stream: torch.Generator) -> tuple[Tensor, Tensor | None, Tensor | None]:
        """Clock positions of a block, shape (steps, batch), with their weights and bins."""
        size = (self._steps, self._batch)
        if isinstance(self._times, LogitNormalTimes):
            n = torch.randn(size, generator=stream, dtype=torch.float64, device=stream.device)
            t = torch.sigmoid(self._times.mean + self._times.std * n).clamp_(_NEAREST, 1 - _NEAREST)
            return self._clock.position(t), None, None
        v = torch.rand(size, generator=stream, dtype=torch.float64, device=stream.device)
        if self._gradients is None:
            return v, None, None
        density = self._density.to(v.device)
        u, bins = draw_from(density, v)
        return u, 1 / density[bins], bins

    def _preconditioning(self, s: Schedule) -> list[list[Preconditioning] | None]:
        """The preconditioning of each step of a block."""
        preconditioning = self._fields.preconditioning(s)
        if preconditioning is None:
            return [None] * self._steps
        pieces = [tuple(part.to(self._dtype).chunk(self._steps) for part in field) for field in preconditioning]
        return [[tuple(part[i] for part in field) for field in pieces] for i in range(self._steps)]
