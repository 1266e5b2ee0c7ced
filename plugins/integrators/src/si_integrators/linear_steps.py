"""What an exponential method needs of every step, computed before its loop.

With the linear share ``rate x + drive m(x)`` of a drift (``Problem.linear``) the exact
solution over a step from r to t is

    X_t = gain(r) X_r + int_r^t gain(s) drive(s) m(s, X_s) ds + noise of variance q

    gain(s) = sqrt(C_t/C_s) exp(-|int_s^t pull|),      q = int_r^t gain^2 g^2 |ds| = C_t (1 - exp(-2 |int_r^t pull|)),

and ``m = (drift - rate x)/drive`` is a polynomial through its values at nodes. A node is blind, and left out, where its
drive is next to nothing beside that of the step: its drift says nothing of m. Where the whole step has no drive, the
polynomial is that of ``drift - rate x`` itself. A problem that offers no linear share has ``gain = drive = 1``: the
method is then the one that it generalises.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import torch

from si_core import Problem
from si_integrators.quadrature import cells, cumulative, lagrange

__all__ = ["LinearSteps"]

_NOTHING, _NONE = 0.02, 1e-9
"""The share of the mean drive of a step below which a node is blind, and the drive that is none."""


class LinearSteps:
    """The scalars of the steps of a grid.

    Args:
        problem: the problem.
        grid: the times of the ends of the steps.
        spread: of :meth:`si_core.Transport.linear`.
    """

    def __init__(self, problem: Problem, grid: list[float], spread: float) -> None:
        points, self._cells, _ = cells()
        times = torch.tensor(grid, dtype=torch.float64)
        self._grid, self._lengths = times, times.diff()
        self._points = times[:-1, None, None] + self._lengths[:, None, None] * points
        asked = [*grid, *self._points.flatten().tolist()]
        linear = getattr(problem, "linear", None)
        share = None if linear is None else linear(asked, spread)
        if share is None:
            nothing = torch.zeros(len(asked), dtype=torch.float64)
            variance, pull, rate, drive = nothing + 1, nothing, nothing, nothing + 1
        else:
            variance, pull, rate, drive = share.variance, share.pull, share.rate, share.drive
        ends, inside = len(grid), self._points.shape
        self.rates: list[float] = rate[:ends].tolist()
        """The rates at the times of the grid."""
        pull, variance, last = pull[ends:].reshape(inside), variance[ends:].reshape(inside), variance[:ends]
        whole = (pull * self._cells).sum((1, 2)) * self._lengths.abs()
        self.gains: list[float] = ((last[1:] / last[:-1]).sqrt() * torch.exp(-whole)).tolist()
        """The gains of whole steps."""
        gain = (last[1:, None, None] / variance).sqrt() * torch.exp(-cumulative(pull, self._lengths.abs()))
        self._drives, inner_drives = drive[:ends], drive[ends:].reshape(inside)
        mean_drive = (inner_drives.abs() * self._cells).sum((1, 2))
        self._least = torch.where(mean_drive > _NONE, _NOTHING * mean_drive, math.inf)
        self._driven, self._plain = gain * inner_drives, gain
        noise = (last[1:] * -torch.expm1(-2 * whole)).sqrt().tolist()
        self.deviations: list[float] = self._of_noise(problem) if share is None and problem.stochastic else noise
        """The standard deviations of the noise of each step."""

    def blind(self, step: int, node: int) -> bool:
        """Whether a value at a node says nothing of a step that has a drive."""
        return bool(self._drives[node].abs() <= self._least[step] < math.inf)

    def predictor(self, step: int) -> tuple[float, float]:
        """The factors of the state and of ``drift - rate x`` at the beginning, in a prediction of order 1.

        From a blind beginning it is an Euler step.
        """
        if not self.blind(step, step):
            return self.gains[step], self.weights(step, [step])[0]
        h = float(self._lengths[step])
        return 1.0 + h * self.rates[step], h

    def weights(self, step: int, nodes: Sequence[int]) -> list[float]:
        """The factors, in the state after a step, of ``drift - rate x`` at nodes.

        Args:
            step: which step.
            nodes: the positions of their times in the grid.
        """
        told = [node for node in nodes if self._drives[node].abs() > self._least[step]]
        used = told or list(nodes)
        kernel = (self._driven if told else self._plain)[step] * self._cells * self._lengths[step]
        times = self._grid[used].tolist()
        found = dict.fromkeys(nodes, 0.0)
        for j, node in enumerate(used):
            share = float((kernel * lagrange(times, j, self._points[step])).sum())
            found[node] = share / float(self._drives[node]) if told else share
        return list(found.values())

    def _of_noise(self, problem: Problem) -> list[float]:
        """``sqrt(int g^2)`` over each step, by three Gauss points."""
        x, w = np.polynomial.legendre.leggauss(3)
        return [
            math.sqrt(
                abs(t - r)
                / 2
                * sum(
                    wi * problem.noise((r + t + (t - r) * xi) / 2) ** 2
                    for xi, wi in zip(x.tolist(), w.tolist(), strict=True)
                )
            )
            for r, t in pairwise(self._grid.tolist())
        ]
