"""The transport: the initial value problem that carries one end of a process to the other.

    epsilon = 0   ``dX = b dt``                                            the probability-flow ODE
    epsilon > 0   ``dX = (b + epsilon s) dt + sqrt(2 epsilon) dW``          forward (start < stop)
                  ``dX = (b - epsilon s) dt + sqrt(2 epsilon) dW``          backward (start > stop)

All have the law of the process at every time (arXiv 2303.08797, section 2.3). To an integrator a transport shows itself
in its clock, where the drift of a rough process is smooth.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Hashable, Sequence
from typing import Literal, TypeVar

import torch
from torch import Tensor

from si_core.contract.clock import Clock, UniformClock
from si_core.contract.condition import Condition
from si_core.contract.drift_parts import DriftFunction
from si_core.contract.given_condition import taken
from si_core.contract.problem import LinearPart, Problem
from si_core.errors import UsageError
from si_core.fields.base import Fields
from si_core.fields.noise_level import Epsilon, noise_level

__all__ = ["Transport"]

Made = TypeVar("Made")


class Transport(Problem):
    """The initial value problem that carries one end of a process to the other, as a problem in its clock.

    Args:
        fields: the fields of a process.
        epsilon: the noise level: 0 for the ODE, a number, a function of t, or a diffusion schedule.
        start: the time of the initial state, in [0, 1].
        stop: the time to reach, in [0, 1]; below ``start`` for the backward problem.
        clock: the clock of the integration; None or ``"auto"`` for the process's own, ``"uniform"`` for time itself.
        freeze: where weights of known fields have no bound at an end of the span, keep the last ones beside it.

    Raises:
        UsageError: times out of range or equal, or a drift that can't be had from what is known, or has no bound in the
            span; says what would help.
    """

    def __init__(
        self,
        fields: Fields,
        epsilon: Epsilon = 0.0,
        start: float = 0.0,
        stop: float = 1.0,
        clock: Clock | Literal["auto", "uniform"] | None = None,
        freeze: bool = False,
    ) -> None:
        for name, value in (("start", start), ("stop", stop)):
            if not 0 <= value <= 1:
                raise UsageError("a transport runs within [0, 1]", got=f"{name}={value!r}", allowed="0 <= time <= 1")
        if start == stop:
            raise UsageError("a transport needs two different times", got=f"start = stop = {start!r}")
        if isinstance(clock, Clock):
            self.clock = clock
        elif clock in (None, "auto", "uniform"):
            self.clock = UniformClock() if clock == "uniform" else fields.clock
        else:
            raise UsageError("unknown clock", got=repr(clock), allowed="auto, uniform, or a Clock")
        self.fields, self.epsilon, self.span = fields, epsilon, (float(start), float(stop))
        level = noise_level(epsilon, fields.process)
        self.stochastic = level is not None
        if level is None and start == 0 and fields.process is not None and fields.process.structure.anchored:
            raise UsageError(
                "no ODE can leave a single point: its solutions through x0 would all be one",
                got="epsilon = 0, and a source that is a given point",
                allowed="epsilon > 0",
                fix="sample with `epsilon: 0.5`, or half the scale of a brownian latent",
            )
        self.start, self.stop = (self.position(time) for time in self.span)
        early, late = sorted((self.start, self.stop))
        self.flow = fields.flow(self.clock, level, 1.0 if stop > start else -1.0, (early, late), freeze)

    def position(self, time: float) -> float:
        """The clock position of a time t."""
        if time in (0.0, 1.0):
            return time
        return float(self.clock.position(torch.tensor(time, dtype=torch.float64)))

    def times(self, positions: Tensor) -> Tensor:
        """Clock positions as times t, same shape."""
        return self.clock.time(positions.double()).to(positions.dtype)

    def prepare(self, times: Sequence[float], x: Tensor) -> None:
        """Compute the scalars at these clock positions at once."""
        self.flow.prepare(times, x)

    def drift(self, time: float, x: Tensor) -> Tensor:
        """The drift per unit of clock at a clock position, shape of x."""
        return self.flow.drift(time, x)

    def drift_parts(self) -> DriftFunction:
        """The drift at a clock position, in parts, as a function of ``(time, x)``: the flow's own."""
        return self.flow.drift_parts

    def noise(self, time: float) -> float:
        """``sqrt(2 epsilon dt/du)`` at a clock position."""
        return self.flow.noise(time)

    def divergence(self, time: float, x: Tensor, probes: Tensor | None = None) -> tuple[Tensor, Tensor] | None:
        """The drift with its divergence, where the fields know it; see :meth:`Flow.divergence`."""
        return self.flow.divergence(time, x, probes)

    def linear(self, times: Sequence[float], spread: float | None = None) -> LinearPart:
        """The part of the drift that is linear in x at these clock positions; see :meth:`Flow.linear`."""
        return self.flow.linear(times, spread)

    def memo(self, key: Hashable, make: Callable[[], Made]) -> Made:
        """What ``make`` gave under this key before, of the last few keys; see :meth:`Flow.memo`."""
        return self.flow.memo(key, make)

    def part(self, start: float, stop: float) -> Transport:
        """The same problem between two other times; it shares the computed scalars.

        Raises:
            UsageError: times outside of the span, or in the other direction: that is another SDE.
        """
        first, last = self.span
        sign = 1 if last > first else -1
        if not sign * first <= sign * start < sign * stop <= sign * last:
            raise UsageError(
                "a part of a transport lies within it and runs its way",
                got=f"start={start!r}, stop={stop!r}",
                allowed=f"two times from {first} to {last}, in this order",
            )
        part = copy.copy(self)
        part.span = (float(start), float(stop))
        part.start, part.stop = (self.position(time) for time in part.span)
        return part

    def piece(self, start: float, stop: float) -> Transport:
        """The same problem between two clock positions of it, in its direction; it shares the computed scalars."""
        piece = copy.copy(self)
        piece.start, piece.stop = start, stop
        first, last = self.clock.time(torch.tensor([start, stop], dtype=torch.float64)).tolist()
        piece.span = (first, last)
        return piece

    def conditioned(self, condition: Condition | None) -> Transport:
        """The same problem given other conditions; it has the scalars computed so far."""
        other = copy.copy(self)
        other.fields = self.fields.conditioned(condition)
        other.flow = self.flow.of(other.fields)
        return other

    def head(self, rows: int) -> Transport:
        """The same problem for the first rows of the states it is meant for: of a condition for each row, the first."""
        if self.fields.conditioned_alike:
            return self
        return self.conditioned(taken(self.fields.condition, slice(rows)))
