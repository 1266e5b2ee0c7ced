"""Models between two Gaussians of which everything is known: with exact fields, and with fields that are off.

The errors are affine and the same in each coordinate,

    ``db(t, x) = a + A x``,   ``ds(t, x) = 4 t (1-t) (c + D x)``,

the second zero at both ends, where the target ``z/gamma`` of a score scatters without bound. All fields then are
affine, ``p(t) + q(t) x``, and the model carries Gaussians to Gaussians, whose moments follow, coordinate by coordinate,
from

    ``dm/dt = p + q m``,   ``dv/dt = 2 q v + 2 epsilon``        for the drift ``b + epsilon s``

and for the backward SDE with ``b - epsilon s`` and ``-2 epsilon``.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor

from si_authoring.testing.doubles import Bridge, Heun, Independent, Line, Normal
from si_authoring.testing.exact import NormalFields
from si_core import (
    Clock,
    Fields,
    FunctionFields,
    LatentCoefficients,
    LinearCoefficients,
    Model,
    SineClock,
    StochasticInterpolant,
    UniformClock,
)
from si_core.public.process import FieldFunction, spread

__all__ = ["Affine", "KnownModel", "Law", "known_models"]

_STEPS = 400
"""Of the fourth-order method for moments: its error is that of rounding."""


@dataclass(frozen=True)
class Law:
    """``N(mean, variance I)``."""

    mean: float
    variance: float


@dataclass(frozen=True)
class Affine:
    """``offset + slope x`` at N times, each (N,), float64."""

    offset: Tensor
    slope: Tensor

    def mean_square(self, mean: Tensor, variance: Tensor, d: int) -> Tensor:
        """``E|offset + slope x|^2`` over d coordinates of ``N(mean, variance I)``, shape (N,)."""
        return d * ((self.offset + self.slope * mean).square() + self.slope.square() * variance)


@dataclass(frozen=True)
class KnownModel:
    """A model whose law is known at both ends.

    Args:
        name: what it is, in words.
        model: the model; its ends are the kit's Gaussians.
        epsilon: its noise level.
        source: the law at t = 0.
        target: the law at t = 1.
        exact: the exact fields of its process.
        errors: whether its fields have any.
    """

    name: str
    model: Model
    epsilon: float
    source: Law
    target: Law
    exact: NormalFields
    errors: bool

    @property
    def dimensions(self) -> int:
        """The number of coordinates of an event."""
        return math.prod(self.model.process.shape)

    def end(self, name: str) -> Law:
        """The law of the ``target`` or of the ``source``."""
        return self.target if name == "target" else self.source

    def process_moments(self, t: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and variance of each coordinate of the process at times (N,)."""
        return self.exact.law(self.exact.schedule(UniformClock(), t))

    def error(self, name: str, t: Tensor) -> Affine:
        """The error of the ``velocity`` or the ``score`` at times (N,), per unit of time."""
        found, exact = (self._affine(getattr(fields, name), t) for fields in (self.model.fields, self.exact))
        return Affine(found.offset - exact.offset, found.slope - exact.slope)

    def carried(self, epsilon: float, end: str) -> Law:
        """The law at an end that the model carries there from the law of the other end, at a noise level."""
        forward = end == "target"
        t = torch.linspace(0, 1, 2 * _STEPS + 1, dtype=torch.float64)
        t = t if forward else 1 - t
        velocity, score = (self._affine(getattr(self.model.fields, name), t) for name in ("velocity", "score"))
        sign = 1.0 if forward else -1.0
        p = (sign * velocity.offset + epsilon * score.offset).tolist()
        q = (sign * velocity.slope + epsilon * score.slope).tolist()
        start = self.end("source" if forward else "target")
        m, v, h = start.mean, start.variance, 1 / _STEPS

        def slope(i: int, m: float, v: float) -> tuple[float, float]:
            return p[i] + q[i] * m, 2 * q[i] * v + 2 * epsilon

        for k in range(0, 2 * _STEPS, 2):
            m1, v1 = slope(k, m, v)
            m2, v2 = slope(k + 1, m + h / 2 * m1, v + h / 2 * v1)
            m3, v3 = slope(k + 1, m + h / 2 * m2, v + h / 2 * v2)
            m4, v4 = slope(k + 2, m + h * m3, v + h * v3)
            m, v = m + h / 6 * (m1 + 2 * m2 + 2 * m3 + m4), v + h / 6 * (v1 + 2 * v2 + 2 * v3 + v4)
        return Law(m, v)

    def _affine(self, field: Callable[[Tensor, Tensor], Tensor], t: Tensor) -> Affine:
        zeros = torch.zeros(len(t), *self.model.process.shape, dtype=torch.float64)
        offset, there = (field(t, x).flatten(1)[:, 0] for x in (zeros, zeros + 1))
        return Affine(offset, there - offset)


class _Perturbed:
    """``f(t, x) + weight(t) (offset + slope x)``, an affine function; its two numbers are kept for a single time.

    A method with fixed steps asks at the same times again and again.
    """

    def __init__(self, field: FieldFunction, weight: Callable[[Tensor], Tensor], offset: float, slope: float) -> None:
        self.field, self.weight, self.offset, self.slope = field, weight, offset, slope
        self._kept: dict[float, tuple[float, float]] = {}

    def __call__(self, t: Tensor, x: Tensor) -> Tensor:
        if t.ndim:
            weights = self.weight(t.double())
            return self.field(t, x) + spread(weights * self.offset, x) + spread(weights * self.slope, x) * x
        time = float(t)
        if time not in self._kept:
            here = torch.tensor(time, dtype=torch.float64)
            ends = self.field(here, torch.tensor([[0.0], [1.0]], dtype=torch.float64)).flatten().tolist()
            weight = float(self.weight(here))
            self._kept[time] = (ends[0] + weight * self.offset, ends[1] - ends[0] + weight * self.slope)
        offset, slope = self._kept[time]
        return offset + slope * x


class _Line(Line):
    """With derivatives in closed form: measurements take many times, and tracing them costs."""

    def in_clock(self, clock: Clock, u: Tensor) -> LinearCoefficients:
        t, rate = clock.time(u), clock.rate(u)
        return LinearCoefficients(1 - t, t, -rate, rate)


class _Bridge(Bridge):
    """With closed forms in the clock ``t = sin^2(pi u/2)``, where ``gamma = sin(pi u)/2``."""

    clock = SineClock()

    def in_clock(self, clock: Clock, u: Tensor) -> LatentCoefficients:
        if clock != self.clock:
            return super().in_clock(clock, u)
        gamma, rate = torch.sin(math.pi * torch.minimum(u, 1 - u)) / 2, torch.cos(math.pi * u) * (math.pi / 2)
        return LatentCoefficients(gamma, rate, gamma * rate, torch.full_like(u, math.pi))

    def gamma_dot(self, t: Tensor) -> Tensor:
        return (1 - 2 * t) / (2 * self.gamma(t))


@lru_cache
def known_models(event: tuple[int, ...]) -> tuple[KnownModel, ...]:
    """Models for events of a shape: the SDE and the ODE of fields with errors, and the SDE of exact fields."""
    source, target = Law(-0.5, 0.64), Law(0.8, 0.36)
    ends = [Normal(event, law.mean, math.sqrt(law.variance)) for law in (source, target)]
    process = StochasticInterpolant(_Line(), _Bridge(), Independent(), *ends)
    exact = NormalFields(process)
    wrong = FunctionFields(
        velocity=_Perturbed(exact.velocity, torch.ones_like, 0.4, -0.4),
        score=_Perturbed(exact.score, lambda t: 4 * t * (1 - t), 0.4, 0.3),
        process=process,
    )

    def known(name: str, fields: Fields, epsilon: float) -> KnownModel:
        model = Model(process, fields, Heun(), epsilon)
        return KnownModel(name, model, epsilon, source, target, exact, fields is wrong)

    return (
        known("the SDE of fields with errors", wrong, 0.5),
        known("the ODE of fields with errors", wrong, 0.0),
        known("the SDE of exact fields", exact, 0.5),
    )
