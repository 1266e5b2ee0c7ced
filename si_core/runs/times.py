"""The times of training: each step's own, with the scalars of many steps computed at once.

For the times of one batch a kernel costs more to start than to run, and a schedule is dozens of kernels. The steps of a
block draw their times from one stream, so a step's times depend on the seed and its number alone.
"""

from __future__ import annotations

import torch

from si_core.fields.learned import LearnedFields, Share
from si_core.process.schedule import Schedule
from si_core.runs.streams import reseed

__all__ = ["TrainingTimes"]

_TIMES, _STEPS = 2**15, 32
"""The most times in a block, unless one batch has more, and the most steps."""


class TrainingTimes:
    """Times uniform in the clock of learning.

    Args:
        fields: what is learned; its clock and parametrisation count.
        batch: times a step.
        seed: the recipe's seed.
        antithetic: whether each time is needed twice over: n rows, then the n rows with the noise turned round.
        dtype: the precision of the states.
        device: where they are.
    """

    def __init__(
        self,
        fields: LearnedFields,
        batch: int,
        seed: int,
        antithetic: bool,
        dtype: torch.dtype,
        device: torch.device,
    ) -> None:
        self._fields, self._batch, self._seed, self._antithetic, self._dtype = fields, batch, seed, antithetic, dtype
        self._steps = max(1, min(_STEPS, _TIMES // batch))
        self._generator = torch.Generator(device=device)
        self._block, self._at = -1, list[tuple[Schedule, list[Share] | None]]()

    def at(self, step: int) -> tuple[Schedule, list[Share] | None]:
        """The schedule of a step, and the shares of x and of the networks at its times, in the states' precision."""
        block, place = divmod(step, self._steps)
        if block != self._block:
            self._block, self._at = block, self._compute(block)
        return self._at[place]

    def _compute(self, block: int) -> list[tuple[Schedule, list[Share] | None]]:
        stream = reseed(self._generator, self._seed, "times", 0, block)
        u = torch.rand(self._steps, self._batch, generator=stream, dtype=torch.float64, device=stream.device)
        if self._antithetic:
            u = torch.cat([u, u], 1)
        s = self._fields.process.schedule(self._fields.parametrisation.clock, u.flatten())
        schedules = s.to(self._dtype).split(self._steps)
        shares = self._fields.shares(s)
        if shares is None:
            return [(schedule, None) for schedule in schedules]
        pieces = [tuple(part.to(self._dtype).chunk(self._steps) for part in share) for share in shares]
        return [(schedule, [tuple(part[i] for part in share) for share in pieces]) for i, schedule in enumerate(schedules)]
