"""Diffusion schedules: noise levels ``epsilon(t)`` of sampling (arXiv 2303.08797, section 2.4; arXiv 2401.08740)."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor

from si_core import Diffusion, Interpolant, Latent, SpatiallyLinear, UsageError

__all__ = [
    "Constant",
    "CosineDecay",
    "Follmer",
    "Gamma",
    "LikelihoodOptimal",
    "LinearDecay",
    "Sine",
    "SineSquaredLevel",
]

_STEP = 2.0**-16


def _level(name: str, value: float) -> float:
    if not 0 <= value < math.inf:
        raise UsageError(f"{name} of a diffusion schedule", got=repr(value), allowed="a finite number >= 0")
    return value


class Constant(Diffusion):
    """``epsilon = level``.

    Args:
        level: the noise level.
    """

    def __init__(self, level: Annotated[float, Field(ge=0)] = 1.0) -> None:
        self.level = _level("level", level)

    def epsilon(self, t: Tensor, gamma: Tensor) -> Tensor:
        return torch.full_like(t, self.level)


class Gamma(Diffusion):
    """``epsilon = scale gamma(t)``: the drift's term ``epsilon s = -scale E[z|x]`` is bounded up to the ends.

    Args:
        scale: the factor.
    """

    def __init__(self, scale: Annotated[float, Field(ge=0)] = 1.0) -> None:
        self.scale = _level("scale", scale)

    def epsilon(self, t: Tensor, gamma: Tensor) -> Tensor:
        return self.scale * gamma


class Sine(Diffusion):
    """``epsilon = scale sin(pi t)``.

    Args:
        scale: the level at t = 1/2.
    """

    def __init__(self, scale: Annotated[float, Field(ge=0)] = 1.0) -> None:
        self.scale = _level("scale", scale)

    def epsilon(self, t: Tensor, gamma: Tensor) -> Tensor:
        return self.scale * torch.sin(math.pi * torch.minimum(t, 1 - t))


class SineSquaredLevel(Diffusion):
    """``epsilon = scale sin^2(pi t)``: none at both ends, where the derivative is 0 too.

    Args:
        scale: the level at t = 1/2.
    """

    def __init__(self, scale: Annotated[float, Field(ge=0)] = 1.0) -> None:
        self.scale = _level("scale", scale)

    def epsilon(self, t: Tensor, gamma: Tensor) -> Tensor:
        return self.scale * torch.sin(math.pi * torch.minimum(t, 1 - t)).square()


class CosineDecay(Diffusion):
    """``epsilon = (1 + scale cos(pi t))^2/4``: from 1 at t = 0 to 0 at t = 1 where the scale is 1.

    Args:
        scale: the size of the cosine; another one than 1 leaves ``(1 - scale)^2/4`` at t = 1.
    """

    def __init__(self, scale: Annotated[float, Field(ge=0)] = 1.0) -> None:
        self.scale = _level("scale", scale)

    def epsilon(self, t: Tensor, gamma: Tensor) -> Tensor:
        return 0.25 * (1 + self.scale * torch.cos(math.pi * t)).square()


class LinearDecay(Diffusion):
    """``epsilon = scale (1-t)``: noise early, none at the end.

    Args:
        scale: the level at t = 0.
    """

    def __init__(self, scale: Annotated[float, Field(ge=0)] = 1.0) -> None:
        self.scale = _level("scale", scale)

    def epsilon(self, t: Tensor, gamma: Tensor) -> Tensor:
        return self.scale * (1 - t)


class LikelihoodOptimal(Diffusion):
    """``epsilon = D(t)``, the level that makes the bound on KL of a one-sided process least.

    ``D = sigma^2 beta_dot/beta - sigma sigma_dot`` with sigma the size of the Gaussian noise, ``sigma^2 = alpha^2 +
    gamma^2``: ``(1-t)/t`` for the linear, ``(pi/2) cot(pi t/2)`` for the trigonometric and ``1/t`` for the
    variance-preserving process, whose SDE is then the reverse SDE of score-based diffusion. D grows without bound at
    t = 0, where it is regularised to ``D/(1 + D/limit)``.

    Args:
        interpolant: of the process; supplied by the builder.
        latent: of the process; supplied by the builder.
        limit: the level that the regularised D stays below.

    Raises:
        UsageError: the interpolant is not spatially linear.
    """

    def __init__(self, interpolant: Interpolant, latent: Latent, limit: Annotated[float, Field(gt=0)] = 100.0) -> None:
        if not isinstance(interpolant, SpatiallyLinear):
            raise UsageError("likelihood-optimal needs a spatially linear interpolant", got=type(interpolant).__name__)
        self.interpolant, self.latent, self.limit = interpolant, latent, _level("limit", limit)

    def epsilon(self, t: Tensor, gamma: Tensor) -> Tensor:
        level = _inside(self._level, t).clamp_min(0.0)
        # D/(1 + D/limit) written so that an infinite D gives the limit itself.
        return self.limit / (1 + self.limit / level)

    def _level(self, t: Tensor) -> Tensor:
        """D at times t; infinite while x1 has not entered the path."""
        path = self.interpolant
        alpha, beta = path.alpha(t), path.beta(t)
        variance, derivative = alpha.square(), alpha * path.alpha_dot(t)
        if not self.latent.vanishes:
            variance, derivative = variance + self.latent.gamma(t).square(), derivative + self.latent.gamma_gamma_dot(t)
        level = variance * path.beta_dot(t) / beta - derivative
        return torch.where(beta.abs() <= torch.finfo(t.dtype).eps, torch.inf, level)


class Follmer(Diffusion):
    """``epsilon = |gamma^2 beta_dot/beta - gamma gamma_dot|``: the Föllmer process of a source that is a given point.

    Of all noise levels it makes the KL divergence of the paths from those of the model least (arXiv 2403.13724). With a
    Brownian latent and the linear interpolant it is constant, half the latent's scale.

    Args:
        interpolant: of the process; supplied by the builder.
        latent: of the process; supplied by the builder.

    Raises:
        UsageError: the interpolant is not spatially linear or leaves x1 out for a while, or there is no latent.
    """

    def __init__(self, interpolant: Interpolant, latent: Latent) -> None:
        early = torch.tensor([2.0**-6], dtype=torch.float64)
        linear = isinstance(interpolant, SpatiallyLinear)
        if not linear or latent.vanishes or not bool((interpolant.beta(early) > 0).all()):
            raise UsageError(
                "follmer needs a spatially linear interpolant, with x1 in it from the start, and a latent",
                got=f"{type(interpolant).__name__}, {type(latent).__name__}",
                fix="interpolant: linear, latent: brownian",
            )
        self.interpolant, self.latent = interpolant, latent

    def epsilon(self, t: Tensor, gamma: Tensor) -> Tensor:
        return _inside(self._level, t).abs()

    def _level(self, t: Tensor) -> Tensor:
        path, latent = self.interpolant, self.latent
        return latent.gamma(t).square() * path.beta_dot(t) / path.beta(t) - latent.gamma_gamma_dot(t)


def _inside(level: Callable[[Tensor], Tensor], t: Tensor) -> Tensor:
    """A level, where it reads 0 times infinity at an end by the line through two values inside."""
    value = level(t)
    towards = torch.where(t < 0.5, _STEP, -_STEP)
    line = 2 * level(t + towards) - level(t + 2 * towards)
    return torch.where(torch.isnan(value), line, value)
