"""Latents: noise schedules ``gamma(t)`` (arXiv 2303.08797, section 4 and table 8)."""

from __future__ import annotations

import math
from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor

from si_core import Clock, Latent, LatentCoefficients, SineClock, UniformClock, UsageError

__all__ = [
    "Brownian",
    "ConstantLatent",
    "EncoderDecoderLatent",
    "NoLatent",
    "Quadratic",
    "SigmoidBump",
    "SineSquared",
    "Wiener",
]


def _positive(name: str, value: float) -> float:
    if not 0 < value < math.inf:
        raise UsageError(f"{name} of a latent", got=repr(value), allowed="a finite number > 0")
    return value


class NoLatent(Latent):
    """``gamma = 0``: deterministic interpolants, as in flow matching."""

    vanishes = True
    clock = UniformClock()

    def gamma(self, t: Tensor) -> Tensor:
        return torch.zeros_like(t)


class ConstantLatent(Latent):
    """``gamma = scale`` at all times: the paths of flow matching with a constant sigma (arXiv 2302.00482).

    The process does not meet its ends. Its law is that of ``x0 + scale z`` at t = 0 and of ``x1 + scale z`` at t = 1:
    what is learned is the target smeared by Gaussian noise of that size. Sampling starts from draws of the source
    itself, which are narrower than x_0 by the same. Likelihoods are those of the model that so samples. Nothing is
    singular at the ends: the score exists there, at any noise level.

    Args:
        scale: the standard deviation sigma of the noise.
    """

    meets_ends = False
    clock = UniformClock()

    def __init__(self, scale: Annotated[float, Field(gt=0)] = 0.1) -> None:
        self.scale = _positive("scale", scale)

    def gamma(self, t: Tensor) -> Tensor:
        return torch.full_like(t, self.scale)

    def gamma_dot(self, t: Tensor) -> Tensor:
        return torch.zeros_like(t)


class Brownian(Latent):
    """``gamma = sqrt(scale t(1-t))``: the standard deviation of a Brownian bridge.

    Its derivative is infinite at both ends; in the clock ``t = sin^2(pi u/2)`` it is ``sqrt(scale)/2 sin(pi u)``.

    Args:
        scale: a in ``sqrt(a t(1-t))``.
    """

    clock = SineClock()

    def __init__(self, scale: Annotated[float, Field(gt=0)] = 1.0) -> None:
        self.scale = _positive("scale", scale)

    def gamma(self, t: Tensor) -> Tensor:
        return (self.scale * t * (1 - t)).sqrt()

    def gamma_dot(self, t: Tensor) -> Tensor:
        return self.gamma_gamma_dot(t) / self.gamma(t)

    def gamma_gamma_dot(self, t: Tensor) -> Tensor:
        return 0.5 * self.scale * (1 - 2 * t)

    def in_clock(self, clock: Clock, u: Tensor) -> LatentCoefficients:
        if clock != self.clock:
            return super().in_clock(clock, u)
        root = math.sqrt(self.scale)
        sine = torch.sin(math.pi * torch.minimum(u, 1 - u))
        gamma, gamma_rate = 0.5 * root * sine, 0.5 * root * math.pi * torch.cos(math.pi * u)
        return LatentCoefficients(gamma, gamma_rate, gamma * gamma_rate, torch.full_like(u, math.pi / root))

    def path(self, times: Tensor, like: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """``sqrt(scale) (W_t - t W_1)``, a Brownian bridge; shape (K, B, *event)."""
        walk = _wiener(torch.cat([times.double(), times.new_ones(1).double()]), like, generator)
        return math.sqrt(self.scale) * (walk[:-1] - _over_events(times, like) * walk[-1])


class Wiener(Latent):
    """``gamma = scale (1-t) sqrt(t)``: a Wiener process that is damped to 0, ``gamma z ~ scale (1-t) W_t``.

    The noise of forecasts and of Föllmer processes (arXiv 2403.13724), with paths. Its derivative is infinite at t = 0.

    Args:
        scale: the size of the noise beside the damping.
    """

    clock = SineClock(stop=False)

    def __init__(self, scale: Annotated[float, Field(gt=0)] = 1.0) -> None:
        self.scale = _positive("scale", scale)

    def gamma(self, t: Tensor) -> Tensor:
        return self.scale * (1 - t) * t.sqrt()

    def gamma_dot(self, t: Tensor) -> Tensor:
        return self.scale * (1 - 3 * t) / (2 * t.sqrt())

    def gamma_gamma_dot(self, t: Tensor) -> Tensor:
        return 0.5 * self.scale**2 * (1 - t) * (1 - 3 * t)

    def path(self, times: Tensor, like: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """``scale (1-t) W_t``; shape (K, B, *event)."""
        return self.scale * (1 - _over_events(times, like)) * _wiener(times, like, generator)


def _over_events(times: Tensor, like: Tensor) -> Tensor:
    return times.to(like).reshape(-1, *(1 for _ in like.shape))


def _wiener(times: Tensor, like: Tensor, generator: torch.Generator | None) -> Tensor:
    """A Wiener process ``W_t`` by its independent increments, shape (K, B, *event)."""
    t = times.double()
    if t.ndim != 1 or bool(((t < 0) | (t > 1)).any()) or bool((t.diff() < 0).any()):
        raise UsageError("a path's times increase within [0, 1]", got=str(times.tolist()))
    spans = torch.cat([t[:1], t.diff()]).sqrt()
    steps = torch.empty((len(spans), *like.shape), dtype=like.dtype, device=like.device)
    return (steps.normal_(generator=generator) * _over_events(spans, like)).cumsum(0)


class Quadratic(Latent):
    """``gamma = scale t(1-t)``.

    Args:
        scale: a in ``a t(1-t)``.
    """

    clock = UniformClock()

    def __init__(self, scale: Annotated[float, Field(gt=0)] = 1.0) -> None:
        self.scale = _positive("scale", scale)

    def gamma(self, t: Tensor) -> Tensor:
        return self.scale * t * (1 - t)

    def gamma_dot(self, t: Tensor) -> Tensor:
        return self.scale * (1 - 2 * t)


class SineSquared(Latent):
    """``gamma = scale sin^2(pi t)``.

    Args:
        scale: the size at t = 1/2.
    """

    clock = UniformClock()

    def __init__(self, scale: Annotated[float, Field(gt=0)] = 1.0) -> None:
        self.scale = _positive("scale", scale)

    def gamma(self, t: Tensor) -> Tensor:
        # t(1-t) is exactly 0 at both ends; sin(pi) in floating point is not, so fold time at 1/2.
        return self.scale * torch.sin(math.pi * torch.minimum(t, 1 - t)).square()

    def gamma_dot(self, t: Tensor) -> Tensor:
        return self.scale * math.pi * torch.sin(2 * math.pi * t)


class SigmoidBump(Latent):
    """``gamma = S(f(t-1/2)+1) - S(f(t-1/2)-1) - S(1-f/2) + S(-1-f/2)``, S the logistic function.

    Args:
        steepness: f; larger makes the bump narrower and its sides steeper.
    """

    clock = UniformClock()

    def __init__(self, steepness: Annotated[float, Field(gt=0)] = 10.0) -> None:
        self.steepness = _positive("steepness", steepness)

    def _bump(self, s: Tensor) -> Tensor:
        return torch.sigmoid(s + 1) - torch.sigmoid(s - 1)

    def gamma(self, t: Tensor) -> Tensor:
        # The bump is even in t - 1/2; folding makes both ends equal to the last digit.
        distance = torch.minimum(t, 1 - t) - 0.5
        return self._bump(self.steepness * distance) - self._bump(torch.full_like(t, -0.5 * self.steepness))

    def gamma_dot(self, t: Tensor) -> Tensor:
        up, down = torch.sigmoid(self.steepness * (t - 0.5) + 1), torch.sigmoid(self.steepness * (t - 0.5) - 1)
        return self.steepness * (up * (1 - up) - down * (1 - down))


class EncoderDecoderLatent(Latent):
    """``gamma = sin^2(pi t)``, or ``sqrt(1-cos^4(pi t))`` for unit variance; for the encoder-decoder interpolant.

    Args:
        unit_variance: whether x_t keeps unit variance where the ends have it.
    """

    clock = UniformClock()

    def __init__(self, unit_variance: bool = False) -> None:
        self.unit_variance = unit_variance

    def gamma(self, t: Tensor) -> Tensor:
        sine = torch.sin(math.pi * torch.minimum(t, 1 - t))
        # 1 - cos^4 = sin^2 (1 + cos^2): the root of this form is smooth at the ends.
        return sine * (1 + torch.cos(math.pi * t).square()).sqrt() if self.unit_variance else sine.square()

    def gamma_dot(self, t: Tensor) -> Tensor:
        if not self.unit_variance:
            return math.pi * torch.sin(2 * math.pi * t)
        cosine = torch.cos(math.pi * t)
        return 2 * math.pi * cosine * cosine.square() / (1 + cosine.square()).sqrt()
