"""Flows: the drift and the noise of a transport, in a clock, with every time-dependent number computed beforehand.

    ``drift = (dt/du) (b + sign epsilon s)``        ``noise = sqrt(2 epsilon dt/du)``

with sign +1 for a forward problem and -1 for a backward one (arXiv 2303.08797, section 2.3).
"""

from __future__ import annotations

import copy
from abc import ABC, abstractmethod
from collections.abc import Callable, Hashable, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, Generic, Self, TypeVar

import torch
from torch import Tensor

from si_core.contract.clock import Clock
from si_core.contract.drift_parts import DriftParts
from si_core.contract.limits import MarginLimits
from si_core.contract.problem import LinearPart
from si_core.contract.schedule import Schedule
from si_core.fields.linear_parts import gaussian_part, guessed_part
from si_core.fields.noise_level import NoiseLevel
from si_core.process.completion import MARGIN
from si_core.process.spread import EndVariances

if TYPE_CHECKING:
    from si_core.fields.base import Fields

__all__ = ["Flow"]

Step = TypeVar("Step")
Made = TypeVar("Made")

_KEPT = 8
"""How many of the things that methods make of a flow's scalars are kept."""


class Flow(ABC, Generic[Step]):
    """A drift and a noise whose scalars are computed for many times at once.

    Args:
        clock: the clock of the times.
        schedule: scalars at clock positions.
        level: the noise level; None for an ODE.
        sign: +1 forward, -1 backward.
        fields: whose drift it is.
    """

    unbounded: tuple[bool, ...] = (False, False)
    """Whether weights of the known fields were frozen near t = 0 and t = 1, where they have no bound."""

    def __init__(
        self,
        clock: Clock,
        schedule: Callable[[Tensor], Schedule],
        level: NoiseLevel | None,
        sign: float,
        fields: Fields,
    ) -> None:
        self.clock, self.schedule, self.level, self.sign, self.fields = clock, schedule, level, sign, fields
        self._by_placement: dict[tuple[torch.dtype, torch.device], dict[float, Step]] = {}
        self._noise: dict[float, float] = {}
        self._placement: tuple[torch.dtype, torch.device] | None = None
        self._steps: dict[float, Step] = {}
        self._made: dict[Hashable, Any] = {}

    def of(self, fields: Fields) -> Self:
        """The same drift of the same process by the same known fields, such as for other conditions.

        What either computes of scalars is at hand for both.
        """
        flow = copy.copy(self)
        flow.fields = fields
        return flow

    @cached_property
    def _noise_limits(self) -> MarginLimits | None:
        level = self.level
        if level is None:
            return None

        def inside(v: Tensor) -> Tensor:
            s = self.schedule(v)
            return 2.0 * level(s) * s.rate

        return MarginLimits(inside, MARGIN)

    def noise_squared(self, u: Tensor) -> Tensor:
        """``2 epsilon dt/du`` at clock positions u, shape (N,); the limit from inside at the ends."""
        limits = self._noise_limits
        return torch.zeros_like(u) if limits is None else limits(u).clamp_min(0.0)

    @abstractmethod
    def steps(self, u: Tensor, x: Tensor) -> list[Step]:
        """What :meth:`at` needs at clock positions u, shape (N,), for states like x."""

    @abstractmethod
    def at(self, step: Step, x: Tensor) -> DriftParts:
        """The drift."""

    def prepare(self, times: Sequence[float], x: Tensor) -> None:
        """Compute the scalars at these times."""
        placement = (x.dtype, x.device)
        if placement != self._placement:
            self._placement, self._steps = placement, self._by_placement.setdefault(placement, {})
        missing = [time for time in dict.fromkeys(map(float, times)) if time not in self._steps]
        if missing:
            # Out of inference mode, for what is kept may be needed where the drift is differentiated.
            with torch.inference_mode(False), torch.no_grad():
                u = torch.tensor(missing, dtype=torch.float64)
                self._steps.update(zip(missing, self.steps(u, x), strict=True))
            # Numbers, no tensors.
            with torch.inference_mode():
                self._noise.update(zip(missing, self.noise_squared(u).sqrt().tolist(), strict=True))

    def drift_parts(self, time: float, x: Tensor) -> DriftParts:
        """The drift at a time, in parts."""
        step = self._steps.get(time)
        if step is None or self._placement != (x.dtype, x.device):
            self.prepare([time], x)
            step = self._steps[float(time)]
        return self.at(step, x)

    def drift(self, time: float, x: Tensor) -> Tensor:
        """The drift at a time, shape of x."""
        return self.drift_parts(time, x).value()

    def divergence(self, time: float, x: Tensor, probes: Tensor | None = None) -> tuple[Tensor, Tensor] | None:
        """The drift at a time, shape of x, and its divergence, where that is known without differentiating the drift.

        Args:
            time: the clock position.
            x: the states, shape (B, *event).
            probes: shape (K, B, *event) for ``v . J v``, shape (B, K); None for the exact divergence, shape (B,).
        """
        self.prepare([time], x)
        return self.with_divergence(self._steps[float(time)], x, probes)

    def with_divergence(self, step: Step, x: Tensor, probes: Tensor | None) -> tuple[Tensor, Tensor] | None:
        """What :meth:`divergence` gives, for scalars that are at hand; None where no such way is known."""
        return None

    def linear(self, times: Sequence[float], spread: float | None = None) -> LinearPart:
        """The part of the drift that is linear in x; the rate is 0 where the process is not spatially linear.

        By default that of preconditioned networks (:func:`si_core.fields.linear_parts.guessed_part`); with a spread,
        that for a standard normal source and a target ``N(m, spread^2 I)``, apart and independent
        (:func:`si_core.fields.linear_parts.gaussian_part`). Where the target has modes of this width, m is then the
        mean of the mode that x belongs to; the drive vanishes at t = 1, so an error of the drift there is a pole of m.

        Args:
            times: clock positions.
            spread: the standard deviation of the target about its modes, above 0; None for that of preconditioned
                networks.
        """
        with torch.no_grad():
            u = torch.tensor(times, dtype=torch.float64)
            process = self.fields.process
            if process is None or not process.structure.spatially_linear:
                return LinearPart(torch.zeros_like(u), torch.ones_like(u), self.noise_squared(u))
            if spread is None:
                return guessed_part(self, process, u)
            return gaussian_part(self, u, EndVariances(1.0, spread**2))

    def gaussian_rate(self, times: Sequence[float], ends: EndVariances) -> Tensor:
        """The rate of the Gaussian process with ends of these variances at clock positions, shape (N,)."""
        with torch.no_grad():
            return gaussian_part(self, torch.tensor(times, dtype=torch.float64), ends).rate

    def memo(self, key: Hashable, make: Callable[[], Made]) -> Made:
        """What ``make`` gave when it was first asked for under a key; of the last few keys.

        For what a method computes of the scalars: they are the same for all states, so blocks of samples share it.
        """
        if key not in self._made:
            if len(self._made) == _KEPT:
                del self._made[next(iter(self._made))]
            # Out of inference mode, as what is kept of steps.
            with torch.inference_mode(False), torch.no_grad():
                self._made[key] = make()
        return self._made[key]  # type: ignore[no-any-return]

    def noise(self, time: float) -> float:
        """The size of the noise at a time."""
        found = self._noise.get(time)
        if found is None:
            found = float(self.noise_squared(torch.tensor([float(time)], dtype=torch.float64)).sqrt())
            self._noise[float(time)] = found
        return found
