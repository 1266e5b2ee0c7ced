"""Two moons: a posterior of two thin crescents.

    ``theta ~ U(-1, 1)^2``,   ``a ~ U(-pi/2, pi/2)``,   ``r ~ N(.1, .01^2)``,   ``p = (r cos a + .25, r sin a)``,
    ``x = p + (-|theta_1 + theta_2|, -theta_1 + theta_2)/sqrt 2``

Given x, p lies at ``q = x + (|theta_1 + theta_2|, theta_1 - theta_2)/sqrt 2`` with the density ``N(rho; .1, .01^2)/(pi
rho)`` of polar coordinates ``rho = |q - (.25, 0)|`` on the half plane right of (.25, 0). Two parameters, mirrored at
``theta_1 + theta_2 = 0``, have one q, and the map is an isometry: so ``p(theta | x) = p(q)/m(x)`` in the box, where
m(x) is the mean number, of the two, that lie in the box.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from si_core import Bounds, DataError
from si_distributions.randomness import normal, uniform
from si_inference.simulator import Reference, Simulator
from si_inference.simulators.shipped import shipped

__all__ = ["TwoMoons"]

_MEAN, _WIDTH, _SHIFT = 0.1, 0.01, 0.25
_ANGLES, _RADII = 512, 41
"""Nodes of the quadrature of m(x): the midpoint rule in the angle, and in the quantile of the radius."""
_ROWS = 256
"""Observations at once."""
_TRIES = 1000


class TwoMoons(Simulator):
    """The task *two moons* of the benchmark of arXiv 2101.04653 (appendix T.8): 2 parameters, 2 numbers."""

    names = ("theta1", "theta2")
    observation_shape = (2,)

    @property
    def bounds(self) -> Bounds:
        """The box (-1, 1)^2."""
        return Bounds(-torch.ones(2), torch.ones(2))

    def prior(self, n: int, generator: torch.Generator) -> Tensor:
        """Uniform in the box."""
        return 2 * _open(uniform((n, 2), torch.float64, generator)) - 1

    def simulate(self, theta: Tensor, generator: torch.Generator) -> Tensor:
        """A point of the crescent, moved by theta."""
        p = _crescent(len(theta), generator)
        first, second = theta.unbind(1)
        return p + torch.stack([-(first + second).abs(), second - first], 1) / math.sqrt(2)

    def posterior_log_prob(self, theta: Tensor, x: Tensor) -> Tensor:
        """``log p(q) - log m(x)`` in the box, minus infinity elsewhere and for observations with m(x) = 0."""
        first, second = theta.unbind(1)
        q = x + torch.stack([(first + second).abs(), first - second], 1) / math.sqrt(2)
        right, up = q[:, 0] - _SHIFT, q[:, 1]
        radius = torch.hypot(right, up)
        density = -0.5 * ((radius - _MEAN) / _WIDTH).square() - math.log(_WIDTH * math.sqrt(2 * math.pi))
        mass = self._mass(x)
        density = density - math.log(math.pi) - radius.log() - mass.log()
        there = (right > 0) & self.bounds.inside(theta) & (mass > 0)
        return torch.where(there, density, -torch.inf)

    def posterior(self, x: Tensor, n: int, generator: torch.Generator) -> Tensor:
        """Points of the crescent, carried back to either branch, where they lie in the box.

        Raises:
            DataError: an observation for which hardly any do.
        """
        found: list[Tensor] = []
        for _ in range(_TRIES):
            q = _crescent(2 * n, generator)
            sign = torch.where(uniform((2 * n,), torch.float64, generator) < 0.5, -1.0, 1.0)
            theta = _parameters(q, x.expand(2 * n, 2), sign)
            found.append(theta[self.bounds.inside(theta)])
            if sum(map(len, found)) >= n:
                return torch.cat(found)[:n]
        raise DataError("an observation that hardly any parameters of the box give", got=x.tolist())

    def references(self) -> tuple[Reference, ...]:
        """Three observations."""
        return shipped("two_moons")

    def _mass(self, x: Tensor) -> Tensor:
        """m(x), shape (n,); of equal observations once."""
        x, place = torch.unique(x, dim=0, return_inverse=True)
        angle = (torch.arange(_ANGLES, dtype=torch.float64, device=x.device) + 0.5) / _ANGLES - 0.5
        level = (torch.arange(_RADII, dtype=torch.float64, device=x.device) + 0.5) / _RADII
        radius = _MEAN + _WIDTH * torch.special.ndtri(level)
        grid = _at((math.pi * angle)[:, None], radius).reshape(-1, 2)
        masses = []
        for rows in x.split(_ROWS):
            inside = torch.zeros(len(rows), dtype=torch.float64, device=x.device)
            for sign in (-1.0, 1.0):
                theta = _parameters(grid, rows[:, None], sign)
                inside += self.bounds.inside(theta.reshape(-1, 2)).reshape(len(rows), -1).double().mean(1)
            masses.append(inside)
        return torch.cat(masses)[place]


def _open(u: Tensor) -> Tensor:
    """Uniform numbers of (0, 1), for 0 lies on the bounds."""
    return u.clamp_min(torch.finfo(u.dtype).tiny)


def _crescent(n: int, generator: torch.Generator) -> Tensor:
    angle = math.pi * (uniform((n,), torch.float64, generator) - 0.5)
    return _at(angle, _MEAN + _WIDTH * normal((n,), torch.float64, generator))


def _at(angle: Tensor, radius: Tensor) -> Tensor:
    return torch.stack([radius * angle.cos() + _SHIFT, radius * angle.sin()], -1)


def _parameters(q: Tensor, x: Tensor, sign: Tensor | float) -> Tensor:
    """The parameters of a branch that put q at x: theta_1 + theta_2 = sign sqrt 2 (q - x)_1 and so on, (..., 2)."""
    away = q - x
    total, difference = sign * away[..., 0], away[..., 1]
    return torch.stack([total + difference, total - difference], -1) / math.sqrt(2)
