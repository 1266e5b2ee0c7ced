"""Flows: the drift and the noise of a transport, in a clock, with every time-dependent number computed beforehand.

    ``drift = (dt/du) (b + sign epsilon s)``        ``noise = sqrt(2 epsilon dt/du)``

with sign +1 for a forward problem and -1 for a backward one (arXiv 2303.08797, section 2.3).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

import torch
from torch import Tensor

from si_core.contract.clock import Clock
from si_core.contract.limits import margin_limits
from si_core.process.completion import MARGIN
from si_core.process.schedule import Schedule

__all__ = ["Flow", "NoiseLevel", "noise_squared"]

NoiseLevel = Callable[[Schedule], Tensor]
"""``epsilon`` at the times of a schedule, shape (N,)."""

Step = TypeVar("Step")


def noise_squared(schedule: Callable[[Tensor], Schedule], level: NoiseLevel | None, u: Tensor) -> Tensor:
    """``2 epsilon dt/du`` at clock positions u, shape (N,); the limit from inside at the ends."""
    if level is None:
        return torch.zeros_like(u)

    def inside(v: Tensor) -> Tensor:
        s = schedule(v)
        return 2.0 * level(s) * s.rate

    return margin_limits(inside, u, MARGIN)[0].clamp_min(0.0)


class Flow(ABC, Generic[Step]):
    """A drift and a noise whose scalars are computed for many times at once.

    Args:
        clock: the clock of the times.
        schedule: scalars at clock positions.
        level: the noise level; None for an ODE.
        sign: +1 forward, -1 backward.
    """

    unbounded: tuple[bool, ...] = (False, False)
    """Whether coefficients were frozen near t = 0 and t = 1, where they have no bound."""

    def __init__(
        self, clock: Clock, schedule: Callable[[Tensor], Schedule], level: NoiseLevel | None, sign: float
    ) -> None:
        self.clock, self.schedule, self.level, self.sign = clock, schedule, level, sign
        self._steps: dict[float, Step] = {}
        self._noise: dict[float, float] = {}
        self._form: tuple[torch.dtype, torch.device] | None = None

    @abstractmethod
    def steps(self, u: Tensor, x: Tensor) -> list[Step]:
        """What :meth:`at` needs at clock positions u, shape (N,), for states like x."""

    @abstractmethod
    def at(self, step: Step, x: Tensor) -> Tensor:
        """The drift, shape of x."""

    def prepare(self, times: Sequence[float], x: Tensor) -> None:
        """Compute the scalars at these times."""
        form = (x.dtype, x.device)
        if form != self._form:
            self._steps.clear()
            self._form = form
        missing = [time for time in dict.fromkeys(map(float, times)) if time not in self._steps]
        if missing:
            with torch.no_grad():
                u = torch.tensor(missing, dtype=torch.float64)
                self._steps.update(zip(missing, self.steps(u, x), strict=True))
                self._noise.update(
                    zip(missing, noise_squared(self.schedule, self.level, u).sqrt().tolist(), strict=True)
                )

    def drift(self, time: float, x: Tensor) -> Tensor:
        """The drift at a time, shape of x."""
        step = self._steps.get(time)
        if step is None or self._form != (x.dtype, x.device):
            self.prepare([time], x)
            step = self._steps[float(time)]
        return self.at(step, x)

    def noise(self, time: float) -> float:
        """The size of the noise at a time."""
        found = self._noise.get(time)
        if found is None:
            found = float(
                noise_squared(self.schedule, self.level, torch.tensor([float(time)], dtype=torch.float64)).sqrt()
            )
            self._noise[float(time)] = found
        return found
