"""What an exponential method needs of every step, computed before its loop.

With the linear part ``rate x + drive m(x)`` of a drift (``Problem.linear``) a step from r to t is

    X_t = gain(r) X_r + int_r^t gain(s) drive(s) m(s, X_s) ds + noise of variance q

    gain(s) = exp(int_s^t rate),      q = int_r^t gain^2 g^2 |ds|,

where the rate is that of a Gaussian law of variance C, with ``pull = g^2/(2C)``, in closed form

    gain(s) = sqrt(C_t/C_s) exp(-|int_s^t pull|),      q = C_t (1 - exp(-2 |int_r^t pull|)),

and ``m = (drift - rate x)/drive`` is a polynomial through its values at nodes. A node is blind, and left out, where its
drive is next to nothing beside that of the step: its drift says nothing of m. Where the whole step has no drive, the
polynomial is that of ``drift - rate x`` itself. A problem without a linear part has ``gain = drive = 1``: the method
is then the one that it generalises. Where the linear part has a centre, all of it is said of ``X - centre``.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from si_core import Problem
from si_integrators.quadrature import apart, cells, cumulative

__all__ = ["LinearSteps", "Remainder", "linear_steps"]

_ROUNDING = 1e-12
_NOTHING, _NONE, _VALUES = 0.02, 1e-9, 4
"""The fraction of the mean drive of a step below which a node is blind, the drive that is none,
and the most values that a polynomial goes through."""


class _Centre(NamedTuple):
    """The centre of a linear part over the steps of a grid.

    Args:
        path: at the times of the grid, shape (steps + 1, *event).
        moves: what a step adds beside its gain times the state, shape (steps, *event).
        offsets: ``centre' - rate centre`` at the times of the grid, shape (steps + 1, *event).
    """

    path: Tensor
    moves: Tensor
    offsets: Tensor


class LinearSteps:
    """The scalars of the steps of a grid.

    Args:
        problem: the problem.
        grid: the times of the ends of the steps.
        spread: of :meth:`si_core.Transport.linear`.
    """

    def __init__(self, problem: Problem, grid: list[float], spread: float | None) -> None:
        points, self._cells, _ = cells()
        times = torch.tensor(grid, dtype=torch.float64)
        self.steps, self._grid, self._lengths = len(grid) - 1, times, times.diff()
        self._points = times[:-1, None, None] + self._lengths[:, None, None] * points
        asked = [*grid, *self._points.flatten().tolist()]
        linear = problem.linear(asked, spread)
        ends, inside = len(grid), self._points.shape
        rate, noise = linear.rate[ends:].reshape(inside), linear.noise_squared[ends:].reshape(inside)
        self.rates: list[float] = linear.rate[:ends].tolist()
        """The rates at the times of the grid."""
        lengths = self._lengths
        if linear.variance is None:
            whole = torch.exp(self._over_step(rate) * lengths)
            gain = torch.exp(cumulative(rate, lengths))
            squares = self._over_step(gain.square() * noise) * lengths.abs()
        else:
            last, variance = linear.variance[1:ends], linear.variance[ends:].reshape(inside)
            pull = noise / (2.0 * variance)
            lost = self._over_step(pull) * lengths.abs()
            whole = (last / linear.variance[: ends - 1]).sqrt() * torch.exp(-lost)
            gain = (last[:, None, None] / variance).sqrt() * torch.exp(-cumulative(pull, lengths.abs()))
            squares = last * -torch.expm1(-2 * lost)
        self.gains: list[float] = whole.tolist()
        """The gains of whole steps."""
        self.deviations: list[float] = squares.sqrt().tolist()
        """The standard deviations of the noise of each step."""
        self._centre: _Centre | None = None
        if linear.centre is not None and linear.centre_rate is not None:
            path, change = linear.centre[:ends], linear.centre_rate[:ends]
            moves = path[1:] - _each(whole, path) * path[:-1]
            self._centre = _Centre(path, moves, change - _each(linear.rate[:ends], path) * path)
        self._placed: dict[tuple[torch.dtype, torch.device], _Centre] = {}
        self._found: dict[tuple[int, ...], list[float]] = {}
        self._drives, inner_drives = linear.drive[:ends], linear.drive[ends:].reshape(inside)
        mean_drive = self._over_step(inner_drives.abs())
        self._least = torch.where(mean_drive > _NONE, _NOTHING * mean_drive, math.inf)
        # The moments of the kernels over each step, as fractions of it; in NumPy, for the loop asks for few at a time.
        powers = torch.stack([points**q for q in range(_VALUES)])
        self._driven, self._plain = [
            (kernel.unsqueeze(1) * self._cells * powers).sum((2, 3)).numpy() for kernel in (gain * inner_drives, gain)
        ]

    def centre(self, x: Tensor) -> _Centre | None:
        """What is known of the centre, where and in the precision that states are in; None where there is none."""
        if self._centre is None:
            return None
        key = (x.dtype, x.device)
        if key not in self._placed:
            # Out of inference mode, for it is kept.
            with torch.inference_mode(False):
                self._placed[key] = _Centre(*(part.to(x) for part in self._centre))
        return self._placed[key]

    def _over_step(self, values: Tensor) -> Tensor:
        """The means over each step of values at its points, shape (steps,)."""
        return (values * self._cells).sum((1, 2))

    def blind(self, step: int, node: int) -> bool:
        """Whether a value at a node says nothing of a step that has a drive."""
        return bool(self._drives[node].abs() <= self._least[step] < math.inf)

    def sees_end(self, step: int) -> bool:
        """Whether a value at the end of a step adds to what is known: the end is not blind, or both ends are."""
        return self.blind(step, step) or not self.blind(step, step + 1)

    def prediction(self, step: int, x: Tensor, values: dict[int, Tensor], noise: Tensor | None) -> Tensor:
        """The state after a step by values before its end, that at its beginning among them; as :meth:`state`.

        From a blind beginning, where nothing else is known, it is an Euler step.
        """
        if len(values) > 1 or not self.blind(step, step):
            return self.state(step, x, values, noise)
        h = float(self._lengths[step])
        gain = 1.0 + h * self.rates[step]
        centre = self.centre(x)
        move = None if centre is None else centre.path[step + 1] - gain * centre.path[step]
        return self._sum(step, x, gain, move, values, [h], noise)

    def state(self, step: int, x: Tensor, values: dict[int, Tensor], noise: Tensor | None) -> Tensor:
        """The state after a step, a new tensor.

        Args:
            step: which step.
            x: the state before it.
            values: ``drift - rate x`` by positions in the grid.
            noise: standard normal, shape of x; None for an ODE.
        """
        centre = self.centre(x)
        move = None if centre is None else centre.moves[step]
        return self._sum(step, x, self.gains[step], move, values, self.weights(step, list(values)), noise)

    def _sum(
        self,
        step: int,
        x: Tensor,
        gain: float,
        move: Tensor | None,
        values: dict[int, Tensor],
        weights: list[float],
        noise: Tensor | None,
    ) -> Tensor:
        # A new tensor, which may be added to in place even where gradients are recorded.
        state = x * gain
        if move is not None:
            state.add_(move)
        if noise is not None:
            state.add_(noise, alpha=self.deviations[step])
        for value, weight in zip(values.values(), weights, strict=True):
            if weight:
                state.add_(value, alpha=weight)
        return state

    def weights(self, step: int, nodes: Sequence[int]) -> list[float]:
        """The factors, in the state after a step, of ``drift - rate x`` at nodes.

        Args:
            step: which step.
            nodes: the positions of their times in the grid.
        """
        key = (step, *nodes)
        if key not in self._found:
            self._found[key] = self._weights(step, nodes)
        return self._found[key]

    def _weights(self, step: int, nodes: Sequence[int]) -> list[float]:
        informative = [node for node in nodes if self._drives[node].abs() > self._least[step]]
        used = informative or list(nodes)
        used = [used[i] for i in apart(self._grid[used].tolist(), float(self._lengths[step]))]
        begin, length = float(self._grid[step]), float(self._lengths[step])
        places = (self._grid[used].numpy() - begin) / length
        # A polynomial through values at places has the integral ``sum_j w_j value_j`` where w has the moments.
        moments = (self._driven if informative else self._plain)[step, : len(used)]
        weights = length * np.linalg.solve(np.vander(places, increasing=True).T, moments)
        found = dict.fromkeys(nodes, 0.0)
        for node, weight in zip(used, weights.tolist(), strict=True):
            found[node] = weight / float(self._drives[node]) if informative else weight
        return list(found.values())


def _each(scalars: Tensor, x: Tensor) -> Tensor:
    """Scalars of shape (N,), to be multiplied with x of shape (N, *event)."""
    return scalars.reshape(-1, *(1 for _ in x.shape[1:]))


def linear_steps(problem: Problem, grid: list[float], spread: float | None) -> LinearSteps:
    """The scalars of the steps of a grid, those of before where the problem keeps them."""
    return problem.memo(("linear steps", tuple(grid), spread), lambda: LinearSteps(problem, grid, spread))


class Remainder:
    """``drift - rate x`` at the times of a grid, less what moves the centre, and how often it was evaluated.

    Args:
        problem: whose drift it is.
        grid: the times.
        linear: the scalars of the steps.
    """

    def __init__(self, problem: Problem, grid: list[float], linear: LinearSteps) -> None:
        self.evaluations = 0
        self._drift, self._grid, self._linear = problem.drift_parts(), grid, linear

    def __call__(self, k: int, x: Tensor) -> Tensor:
        """The value at the k-th time, shape of x: a tensor of its own."""
        self.evaluations += 1
        parts, rate = self._drift(self._grid[k], x), self._linear.rates[k]
        # Where the linear part is that by which the network was learned, nothing of x is left but rounding.
        left = parts.rate - rate if abs(parts.rate - rate) > _ROUNDING * abs(rate) else 0.0
        value = parts._replace(rate=left).copied()
        centre = self._linear.centre(x)
        return value if centre is None else value.sub_(centre.offsets[k])
