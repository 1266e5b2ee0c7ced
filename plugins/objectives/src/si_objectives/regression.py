"""The six regression objectives: ``L[f] = E[ 1/2 |f|^2 - <target, f> ]``, whose minimiser is ``E[target | x_t]``.

``L[f] - min L = 1/2 E|f - field|^2`` and ``min L = -1/2 E|field|^2`` (arXiv 2303.08797, section 3). The target of a
field is its coefficients times the draw (x0, x1, z); the expanded form keeps finite what the completed square makes
infinite.
"""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor

from si_core import Draw, Regression

__all__ = ["Denoiser", "InterpolantVelocity", "Score", "SourceDenoiser", "TargetDenoiser", "Velocity"]


class Velocity(Regression):
    """Learns the velocity ``b = E[dI/dt + gamma_dot z | x_t]``; target ``dI/dt + gamma_dot z``.

    Enough for the ODE; with a Gaussian source for the SDE too.
    """

    field: ClassVar[str] = "velocity"


class InterpolantVelocity(Regression):
    """Learns ``v = E[dI/dt | x_t]``; target ``dI/dt``. With the denoiser it gives every drift."""

    field: ClassVar[str] = "interpolant-velocity"


class Score(Regression):
    """Learns the score ``s = grad log rho``; target ``-z/gamma``.

    The target is singular at the ends. In a clock the loss is weighted by the variance of the noise, ``gamma^2`` (or
    ``alpha^2 + gamma^2`` with a standard normal source), which leaves the minimiser; with antithetic pairs in t it is
    the plain loss, whose singular terms cancel between the pair.
    """

    field: ClassVar[str] = "score"

    def loss(self, draw: Draw, prediction: Tensor) -> Tensor:
        if draw.antithetic:
            return super().loss(draw, prediction)
        structure, schedule = draw.made
        # Weighted term by term: the target is infinite where the weight is 0, and their product is not.
        noise = draw.combined(structure.noise_coefficients(schedule))
        weight = torch.as_tensor(structure.noise_variance(schedule)).to(prediction)
        return 0.5 * weight * prediction.square().flatten(1).sum(1) + (noise * prediction).flatten(1).sum(1)


class Denoiser(Regression):
    """Learns ``E[z | x_t]``; target z. Where a standard normal source is the only noise, z is x0."""

    field: ClassVar[str] = "denoiser"


class SourceDenoiser(Regression):
    """Learns ``E[x0 | x_t]``; target x0."""

    field: ClassVar[str] = "source-denoiser"


class TargetDenoiser(Regression):
    """Learns ``E[x1 | x_t]``; target x1: the denoiser of score-based diffusion, data prediction."""

    field: ClassVar[str] = "target-denoiser"
