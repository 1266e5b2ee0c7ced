"""A latent of the square-root kind: ``gamma^2`` is a sine."""

from __future__ import annotations

import math
from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor

from si_core import Latent, UsageError

__all__ = ["RootSine"]


class RootSine(Latent):
    """``gamma = scale sqrt(sin(pi t))``, so ``gamma gamma_dot = (pi/2) scale^2 cos(pi t)``.

    ``gamma^2`` is smooth and gamma has infinite derivative at both ends, as the standard deviation of a Brownian bridge
    has.
    The clock is not declared: the core sees the derivatives and takes ``t = sin^2(pi u/2)``.

    Args:
        scale: gamma at t = 1/2, in the units of the states.

    Raises:
        UsageError: a scale that is not a finite positive number.
    """

    def __init__(self, scale: Annotated[float, Field(gt=0)] = 0.5) -> None:
        if not 0 < scale < math.inf:
            raise UsageError("scale of a latent", got=repr(scale), allowed="a finite number > 0")
        self.scale = scale

    def gamma(self, t: Tensor) -> Tensor:
        # Measured from the nearer end, for sin(pi) is not 0 in floating point, and below 0 in single precision.
        return self.scale * torch.sin(math.pi * torch.minimum(t, 1 - t)).sqrt()

    def gamma_dot(self, t: Tensor) -> Tensor:
        return self.gamma_gamma_dot(t) / self.gamma(t)

    def gamma_gamma_dot(self, t: Tensor) -> Tensor:
        # By hand: at the ends the product is finite, and the two factors are infinity and 0.
        return 0.5 * math.pi * self.scale**2 * torch.cos(math.pi * t)
