"""Draws of a Gaussian process given where it is, so that an expectation given x_t is a finite sum.

Coordinate by coordinate let ``x0 = m0 + s0 e0``, ``x1 = m1 + s1 e1``, ``z = e2`` with ``e ~ N(0, I)``, so
``x_t = m + a . e`` with ``a = (alpha s0, beta s1, gamma)``. Then, given ``x_t = m + |a| p``,

    ``e = p a/|a| + V h``,   ``h ~ N(0, I)``,   V an orthonormal basis of what is at right angles to a.

h is put on Gauss-Hermite nodes along every axis: no randomness is left, and the mean over them is exact, to rounding,
for what is a polynomial in (x0, x1, z) of degree 5, and for what is odd about its centre.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from numpy.polynomial.hermite_e import hermegauss
from torch import Tensor

from si_authoring.testing.doubles import Normal
from si_core import Clock, Draw, StochasticInterpolant, UsageError

__all__ = ["ConditionalDraws", "conditional_draws"]

_NODES = 3


@dataclass(frozen=True)
class ConditionalDraws:
    """Rows at each of T times and P points, one for each of N nodes.

    Args:
        draw: the rows, shape (T P N, *event). With antithetic pairs they stand four times over, as ``(e, e')`` and
            again as ``(e', e)``, where e' has the noise turned round: the points are those of the first and last.
        weights: of the nodes, shape (N,), with sum 1.
        times: T.
        points: P.
    """

    draw: Draw
    weights: Tensor
    times: int
    points: int

    def given(self, values: Tensor) -> Tensor:
        """``E[values | x_t]`` of values of the rows, (B, *rest), as (T, P, *rest); with pairs (2T, P, *rest)."""
        parts = values.chunk(4)[::3] if self.draw.antithetic else (values,)
        rows = torch.cat([part.reshape(self.times, self.points, -1, *values.shape[1:]) for part in parts])
        mean: Tensor = torch.tensordot(self.weights, rows.movedim(2, 0), 1)
        return mean


def conditional_draws(
    process: StochasticInterpolant, clock: Clock, u: Tensor, points: Tensor, antithetic: bool = False
) -> ConditionalDraws:
    """Draws of a process at given positions in time and space.

    Args:
        process: a spatially linear process between two independent Gaussians of the kit.
        clock: the clock of the draws.
        u: clock positions, shape (T,).
        points: where x_t is, in standard deviations from its mean, shape (P, *event).
        antithetic: whether each row has a partner with the noise turned round.

    Raises:
        UsageError: a process between others.
    """
    source, target, s = process.source, process.target, process.schedule(clock, u)
    if not isinstance(source, Normal) or not isinstance(target, Normal) or s.alpha is None or s.beta is None:
        raise UsageError("draws given x_t are known for linear paths between the kit's Gaussians", got=f"{process!r}")
    arms = torch.stack([s.alpha * source.deviation, s.beta * target.deviation], -1)
    if process.structure.latent:
        arms = torch.cat([arms, torch.as_tensor(s.gamma).unsqueeze(-1)], -1)
    axes, event = arms.shape[-1], points.shape[1:]
    flat = points.flatten(1)
    # The first column of the orthogonal factor is along the arms, of either sign; the others are at right angles.
    frame = torch.cat([arms.unsqueeze(-1), torch.eye(axes, dtype=arms.dtype).expand(len(u), -1, -1)], -1)
    across = torch.linalg.qr(frame).Q[..., 1:]
    hidden, weights = _grid((axes - 1) * flat.shape[1])
    along = (arms / arms.norm(dim=-1, keepdim=True))[:, None, :, None] * flat[:, None, :]
    beside = torch.einsum("tah,nhd->tnad", across, hidden.reshape(len(hidden), axes - 1, -1))
    e = along.unsqueeze(2) + beside.unsqueeze(1)  # (T, P, N, axes, d)
    x0, x1 = (
        (end.mean + end.deviation * e[..., axis, :]).reshape(-1, *event) for axis, end in enumerate((source, target))
    )
    z = e[..., 2, :].reshape(-1, *event) if process.structure.latent else torch.zeros_like(x0)
    rows = u.repeat_interleave(len(points) * len(weights))
    if antithetic:
        x0, x1, z, rows = torch.cat([x0] * 4), torch.cat([x1] * 4), torch.cat([z, -z, -z, z]), torch.cat([rows] * 4)
    schedule = process.schedule(clock, rows)
    xt = process.position(schedule, x0, x1, z)
    draw = Draw(schedule.t, x0, x1, z, xt, schedule=schedule, structure=process.structure, antithetic=antithetic)
    return ConditionalDraws(draw, weights, len(u), len(points))


def _grid(axes: int) -> tuple[Tensor, Tensor]:
    """The nodes (N, axes) and weights (N,) of the standard normal law."""
    nodes, weights = (torch.from_numpy(part) for part in hermegauss(_NODES))
    places = torch.cartesian_prod(*[nodes] * axes).reshape(-1, axes)
    products = torch.cartesian_prod(*[weights / weights.sum()] * axes).reshape(-1, axes).prod(-1)
    return places, products
