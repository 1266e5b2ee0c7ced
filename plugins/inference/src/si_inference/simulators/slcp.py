"""A simple likelihood with a complex posterior.

``theta ~ U(-3, 3)^5``,    ``x`` four points of ``N((theta_1, theta_2), S)``,
``S = ((s_1^2, rho s_1 s_2), (rho s_1 s_2, s_2^2))``,   ``s_1 = theta_3^2``,   ``s_2 = theta_4^2``,
``rho = tanh theta_5``
"""

from __future__ import annotations

import torch
from torch import Tensor

from si_core import Bounds
from si_distributions.randomness import normal, uniform
from si_inference.simulator import Reference, Simulator
from si_inference.simulators.shipped import shipped

__all__ = ["Slcp"]

_DIM, _POINTS, _SIDE = 5, 4, 3.0


class Slcp(Simulator):
    """The task *SLCP* of the benchmark of arXiv 2101.04653 (appendix T.3): 5 parameters, 8 numbers ``(x1, y1, ...)``.

    The four points are exchangeable, and the signs of theta_3 and theta_4 leave no trace: the posterior has four modes.
    """

    names = tuple(f"theta{i}" for i in range(1, _DIM + 1))
    observation_shape = (2 * _POINTS,)
    exchangeable = _POINTS

    @property
    def bounds(self) -> Bounds:
        """The box (-3, 3)^5."""
        return Bounds(torch.full((_DIM,), -_SIDE), torch.full((_DIM,), _SIDE))

    def prior(self, n: int, generator: torch.Generator) -> Tensor:
        """Uniform in the box."""
        u = uniform((n, _DIM), torch.float64, generator).clamp_min(torch.finfo(torch.float64).tiny)
        return _SIDE * (2 * u - 1)

    def simulate(self, theta: Tensor, generator: torch.Generator) -> Tensor:
        """Four points, one after the other."""
        z = normal((len(theta), _POINTS, 2), torch.float64, generator)
        first, second = theta[:, 2:4].square().unbind(1)
        correlation = theta[:, 4].tanh()
        across = first[:, None] * z[..., 0]
        rest = torch.sqrt(1 - correlation.square())[:, None] * z[..., 1]
        up = second[:, None] * (correlation[:, None] * z[..., 0] + rest)
        return (theta[:, None, :2] + torch.stack([across, up], -1)).flatten(1)

    def references(self) -> tuple[Reference, ...]:
        """Three observations."""
        return shipped("slcp")
