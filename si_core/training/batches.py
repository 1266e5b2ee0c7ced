"""Batches: the one producer of what a training step needs.

Times, pairs, noise, positions, conditions, coefficients and weights of a step come out of here as plain data. All of it
is drawn from streams named by the step, so a batch may be made before its turn without changing a number, and small
ones are, several in one go: a dozen kernels of microseconds each take twice as long where others ran between two of
them. Batches of the next round of training wait until the coupling is refitted, and those of the next block of times
until the times of this one are learned from.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from si_core.contract.data import Draw
from si_core.contract.runtime import Runtime
from si_core.errors import NumericsError
from si_core.fields.learned import Preconditioning
from si_core.models.assembly import Assembly
from si_core.models.parts import error_of_key
from si_core.models.predictor import dropout_of
from si_core.models.streams import reseed
from si_core.training.condition_dropout import ConditionDropout
from si_core.training.pairs import PairSource
from si_core.training.rounds import round_end
from si_core.training.rows import draw_rows, equal_parts
from si_core.training.times import StepTimes, TrainingTimes

__all__ = ["Batch", "Batches"]

_NUMBERS, _STEPS = 2**17, 32
"""The most numbers that the states of the batches made in one go may have, and the most of their steps."""


@dataclass(frozen=True)
class Batch:
    """What a training step needs.

    Args:
        draw: draws of the process, in the clock of learning.
        times: their times, in the block they were drawn in.
    """

    draw: Draw
    times: StepTimes

    @property
    def size(self) -> int:
        """Its rows, as ``train.batch`` counts them."""
        return len(self.draw.t) // (1 + self.draw.antithetic)

    @property
    def weight(self) -> Tensor | None:
        """Of the losses by their times, shape (B,); None where all are 1. Those of pairs belong to the draw."""
        return self.times.weights

    @property
    def preconditioning(self) -> list[Preconditioning] | None:
        """What is known of each field beside the network; None where outputs are the fields."""
        return self.times.preconditioning

    def rows(self, rows: slice) -> Batch:
        """Some rows of the batch, counted as ``train.batch`` counts them."""
        return Batch(draw_rows(self.draw, rows), self.times.rows(rows, self.draw.antithetic))

    def parts(self, count: int) -> list[Batch]:
        """The batch in so many parts of nearly equal size, in order; of one it is the batch itself."""
        if count == 1:
            return [self]
        return [self.rows(rows) for rows in equal_parts(self.size, count)]


class Batches:
    """The batch of each step.

    Args:
        assembly: the recipe, put together.
        dtype: the precision of the states.
        runtime: where to draw.
        moving: whether the process itself is trained: then a batch is that of its step alone.
    """

    def __init__(self, assembly: Assembly, dtype: torch.dtype, runtime: Runtime, moving: bool) -> None:
        recipe, process = assembly.recipe, assembly.process
        self._process, self._train, self._seed = process, recipe.train, recipe.seed
        self._recipe = recipe
        self._two_times = assembly.two_times
        self._antithetic = assembly.antithetic
        self.times = TrainingTimes(
            assembly.fields, self._train.times, self._train.batch, self._seed, self._antithetic, dtype, runtime, moving
        )
        dropped = dropout_of(recipe, process)
        self._dropout = ConditionDropout(process.conditions, dropped, self._seed, runtime) if dropped else None
        self._noise = runtime.generator()
        self._pairs = PairSource(process, self._train, self._seed, runtime)
        self._alone = moving or self._pairs.ahead
        self._first, self._made = 0, list[Batch]()

    def at(self, step: int) -> Batch:
        """The batch of a step; an error of its making is raised here, at the step that it belongs to.

        Args:
            step: the step, whose coupling is as it will be to the end of its round.
        """
        if not self._first <= step < self._first + len(self._made):
            self._make_from(step)
        return self._made[step - self._first]

    def forget(self) -> None:
        """Make the next batch anew: what it is drawn from may be another now."""
        self._made = []

    def _end(self, step: int) -> int:
        ahead = 1 if self._alone else max(1, min(_STEPS, _NUMBERS // max(self._made[0].draw.xt.numel(), 1)))
        return min(step + ahead, round_end(self._train, step), self.times.block_end(step))

    @torch.no_grad()
    def _make_from(self, step: int) -> None:
        self._first, self._made = step, [self._make(step)]
        for later in range(step + 1, self._end(step)):
            try:
                self._made.append(self._make(later))
            except (Exception, SystemExit):
                # It is raised again when the step has its turn, also where a component called sys.exit.
                break

    def _make(self, step: int) -> Batch:
        times = self.times.at(step)
        try:
            pairs = self._pairs.at(step)
        except NumericsError as error:
            raise error_of_key(error, self._recipe, "coupling") from error
        draw = self._process.draw(
            self._train.batch,
            noise=reseed(self._noise, self._seed, "noise", 0, step),
            antithetic=self._antithetic,
            schedule=times.schedule,
            pairs=pairs,
            second_times=self._two_times,
        )
        if self._dropout is not None:
            draw = self._dropout.applied(draw, step)
        return Batch(draw, times)
