"""Curves in the plane with isotropic Gaussian noise.

``x = c_j(u) + noise z`` with a branch j and a parameter u in [0, 1], both uniform, and z standard normal. The density
is

    p(x) = 1/J sum_j int_0^1 N(x; c_j(u), noise^2 I) du

and the integral is a composite Gauss-Legendre rule whose panels are short against the noise, so that its error is that
of rounding wherever the density matters.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from si_core import Distribution, Moments
from si_distributions.options import Precision, event_rows, positive, precision
from si_distributions.placement import Placed
from si_distributions.randomness import indices, normal, uniform

__all__ = ["NoisyCurve"]

_PANEL = 2.0  # length of a panel, in units of the noise
_NODES = 16  # of a panel
_BLOCK = 2**21  # pairs of point and node at a time


class NoisyCurve(Distribution):
    """The law of ``c_j(u) + noise z``; a subclass gives the curve.

    Args:
        noise: standard deviation of the noise.
        branches: the number J of curves.
        speed: a bound on ``|dc/du|``.
        dtype: of the draws.
        where: the component's name.
    """

    shape = (2,)

    def __init__(self, noise: float, branches: int, speed: float, dtype: Precision, where: str) -> None:
        self.noise, self._branches, self._where = positive(noise, "noise", where), branches, where
        self._dtype = precision(dtype, where)
        panels = math.ceil(speed / (_PANEL * self.noise))
        nodes, weights = (torch.from_numpy(v) for v in np.polynomial.legendre.leggauss(_NODES))
        u = ((torch.arange(panels, dtype=torch.float64)[:, None] + (nodes + 1) / 2) / panels).flatten()
        points = [self.curve(u, torch.full(u.shape, j)) for j in range(branches)]
        log_weights = (weights / (2 * panels * branches)).log().repeat(panels * branches)
        self._points, self._log_weights = Placed(torch.cat(points)), Placed(log_weights)

    @abstractmethod
    def curve(self, u: Tensor, branch: Tensor) -> Tensor:
        """The points ``c_j(u)``, shape (N, 2), for u in [0, 1] and branches j, each of shape (N,)."""

    @cached_property
    def moments(self) -> Moments:
        weights = self._log_weights.tensor.exp()
        of_curve = Moments.of_points(self._points.tensor, weights / weights.sum())
        return Moments(of_curve.mean_square, of_curve.variance + self.noise**2, self.noise**2)

    def sample(self, n: int, generator: torch.Generator | None = None) -> Tensor:
        """n draws ``c_j(u) + noise z``, shape (n, 2)."""
        branch = indices(n, self._branches, generator)
        u = uniform((n,), self._dtype, generator)
        return self.curve(u, branch) + self.noise * normal((n, 2), self._dtype, generator)

    def log_prob(self, x: Tensor) -> Tensor:
        """``log p(x)`` by quadrature along the curve, shape (B,), in nats."""
        rows = event_rows(x, self.shape, self._where)
        points, log_weights = self._points.like(rows), self._log_weights.like(rows)
        parts = []
        for block in rows.split(max(1, _BLOCK // len(points))):
            squared = sum((block[:, i, None] - points[:, i]).square() for i in range(2))
            parts.append(torch.logsumexp(log_weights - squared / (2 * self.noise**2), -1))
        return torch.cat(parts) - math.log(2 * math.pi * self.noise**2)
