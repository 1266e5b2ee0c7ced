"""A Gaussian about Gaussian parameters.

``theta ~ N(0, .1 I)``,   ``x ~ N(theta, .1 I)``,   ``theta | x ~ N(x/2, .05 I)``    in 10 dimensions (variances)
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from si_distributions.randomness import normal
from si_inference.simulator import Reference, Simulator
from si_inference.simulators.shipped import shipped

__all__ = ["GaussianLinear"]

_DIM = 10
_PRIOR, _NOISE = 0.1, 0.1
_POSTERIOR = _PRIOR * _NOISE / (_PRIOR + _NOISE)


class GaussianLinear(Simulator):
    """The task *Gaussian linear* of the benchmark of arXiv 2101.04653 (appendix T.1): 10 parameters, 10 numbers."""

    names = tuple(f"theta{i}" for i in range(1, _DIM + 1))
    observation_shape = (_DIM,)

    def prior(self, n: int, generator: torch.Generator) -> Tensor:
        """Draws of N(0, .1 I)."""
        return math.sqrt(_PRIOR) * normal((n, _DIM), torch.float64, generator)

    def simulate(self, theta: Tensor, generator: torch.Generator) -> Tensor:
        """Draws of N(theta, .1 I)."""
        return theta + math.sqrt(_NOISE) * normal((len(theta), _DIM), torch.float64, generator)

    def posterior_log_prob(self, theta: Tensor, x: Tensor) -> Tensor:
        """That of N(x/2, .05 I)."""
        away = (theta - _POSTERIOR / _NOISE * x).square().sum(1) / _POSTERIOR
        return -0.5 * (away + _DIM * math.log(2 * math.pi * _POSTERIOR))

    def posterior(self, x: Tensor, n: int, generator: torch.Generator) -> Tensor:
        """Draws of N(x/2, .05 I)."""
        return _POSTERIOR / _NOISE * x + math.sqrt(_POSTERIOR) * normal((n, _DIM), torch.float64, generator)

    def references(self) -> tuple[Reference, ...]:
        """Three observations."""
        return shipped("gaussian_linear")
