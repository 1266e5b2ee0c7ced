"""The draws of training, those of several steps made in one go where they are small.

A small draw is a dozen kernels of microseconds each, which take twice as long where others ran between two of them.
Every step draws from streams of its own, so its draw may be made before its turn without changing a number;
those of the next round of training wait until the coupling is refitted, and those of the next block of times until the
times of this one are learned from.
"""

from __future__ import annotations

import torch

from si_core.contract.data import Draw
from si_core.models.assembly import Assembly
from si_core.models.streams import reseed
from si_core.training.prefetch import Pairs
from si_core.training.rounds import round_end
from si_core.training.times import TrainingTimes

__all__ = ["Draws"]

_NUMBERS, _STEPS = 2**17, 32
"""The most numbers that the states of the draws made in one go may have, and the most of their steps."""


class Draws:
    """The draw of each step.

    Args:
        assembly: the recipe, put together.
        times: the times of training.
        device: where to draw.
        moving: whether the process itself is trained: then a draw is that of its step alone.
    """

    def __init__(self, assembly: Assembly, times: TrainingTimes, device: torch.device, moving: bool) -> None:
        self._process, self._train, self._seed = assembly.process, assembly.recipe.train, assembly.recipe.seed
        self._antithetic, self._times = assembly.antithetic, times
        self._noise = torch.Generator(device=device)
        self._pairs = Pairs(assembly.process, self._train, self._seed, device)
        self._alone = moving or self._pairs.ahead
        self._first, self._made = 0, list[Draw]()

    def at(self, step: int) -> Draw:
        """The draw of a step; an error of its making is raised here, at the step that it belongs to.

        Args:
            step: the step, whose coupling is as it will be to the end of its round.
        """
        if not self._first <= step < self._first + len(self._made):
            self._first, self._made = step, [self._draw(step)]
            for later in range(step + 1, self._end(step)):
                try:
                    self._made.append(self._draw(later))
                except (Exception, SystemExit):
                    # It is raised again when the step has its turn, also where a component called sys.exit.
                    break
        return self._made[step - self._first]

    def forget(self) -> None:
        """Make the next draw anew: what it is drawn from may be another now."""
        self._made = []

    def _end(self, step: int) -> int:
        ahead = 1 if self._alone else max(1, min(_STEPS, _NUMBERS // max(self._made[0].xt.numel(), 1)))
        return min(step + ahead, round_end(self._train, step), self._times.block_end(step))

    @torch.no_grad()
    def _draw(self, step: int) -> Draw:
        return self._process.draw(
            self._train.batch,
            noise=reseed(self._noise, self._seed, "noise", 0, step),
            antithetic=self._antithetic,
            schedule=self._times.at(step).schedule,
            pairs=self._pairs.at(step),
        )
