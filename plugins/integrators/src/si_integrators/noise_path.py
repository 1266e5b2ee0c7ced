"""The noise of an SDE as one path, known at more and more times: what is drawn stays drawn.

``N_t = int g dW`` has independent increments of variance ``Q(t) - Q(s)``, ``Q' = g^2``. An increment that is known over
an interval and needed over its first part is split as the path is distributed given what is known (the Brownian bridge
in the clock Q): where the first part has the fraction q of its variance V,

    N_first ~ N(q N_whole, q (1-q) V),      N_second = N_whole - N_first.

An adaptive method that rejects a step for its noise, and draws other noise for the shorter step, keeps the noises that
are easy to integrate: its solutions are biased. Here the rejected noise is that of the steps to come.

Rackauckas and Nie, *Adaptive methods for stochastic differential equations via natural embeddings and rejection
sampling with memory*, 2017 (RSwM).
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from si_core import Problem

__all__ = ["NoisePath", "NoiseVariance"]

_CELLS = 128


class NoiseVariance:
    """``Q(t) = int g^2 |du|`` from the start of a problem, by Simpson's rule on cells: additive, however it is cut.

    Args:
        problem: whose noise it is.
        x: states like those to come.
    """

    def __init__(self, problem: Problem, x: Tensor) -> None:
        self._start, self._span = float(problem.start), float(problem.stop) - float(problem.start)
        times = [self._start + self._span * (k / (2 * _CELLS)) for k in range(2 * _CELLS)] + [float(problem.stop)]
        problem.prepare(times, x)
        self._squares = [float(problem.noise(time)) ** 2 for time in times]
        self._length, self._before = abs(self._span) / _CELLS, [0.0]
        for k in range(_CELLS):
            self._before.append(self._before[-1] + self._within(k, 1.0))

    def __call__(self, time: float) -> float:
        """The variance of the noise from the start to a time."""
        fraction = (time - self._start) / self._span * _CELLS
        k = min(max(int(fraction), 0), _CELLS - 1)
        return self._before[k] + self._within(k, min(max(fraction - k, 0.0), 1.0))

    def _within(self, k: int, s: float) -> float:
        """The integral of the parabola through the squares of a cell from its beginning to a fraction of it."""
        a, b, c = self._squares[2 * k : 2 * k + 3]
        whole, slope, bend = (a + 4 * b + c) / 6, 4 * b - 3 * a - c, 2 * (a + c) - 4 * b
        part = s * (a + s * (slope / 2 + s * bend / 3))
        if s == 1 or (0 < -slope < 2 * bend and slope**2 > 4 * bend * a):
            # Near a zero of the noise a parabola may fall below 0, and a variance must not: a line has its integral.
            part = s * whole
        return self._length * min(max(part, 0.0), whole)


class NoisePath:
    """The path from a time on, as increments over pieces; drawn where it is not known yet.

    Args:
        variance: Q.
        like: a tensor of the shape, dtype and device of the increments.
        generator: what draws.
    """

    def __init__(self, variance: NoiseVariance, like: Tensor, generator: torch.Generator | None) -> None:
        self._variance, self._like, self._generator = variance, like, generator
        self._pieces: list[tuple[float, Tensor]] = []

    def increment(self, start: float, end: float) -> Tensor:
        """The increment from the time where the path begins to another; not to be changed."""
        total, at = None, start
        for i, (until, piece) in enumerate(self._pieces):
            if abs(until - start) > abs(end - start):
                self._pieces[i : i + 1] = self._split(at, end, until, piece)
                until, piece = self._pieces[i]
            total, at = piece if total is None else total + piece, until
            if at == end:
                return total
        new = self._normal(self._variance(end) - self._variance(at))
        self._pieces.append((end, new))
        return new if total is None else total + new

    def forget(self, end: float) -> None:
        """Let the path begin at the end of the increment asked for last."""
        while self._pieces.pop(0)[0] != end:
            pass

    def _split(self, start: float, middle: float, end: float, piece: Tensor) -> list[tuple[float, Tensor]]:
        before, whole = (self._variance(time) - self._variance(start) for time in (middle, end))
        fraction = min(max(before / whole, 0.0), 1.0) if whole > 0 else 0.5
        first = self._normal(fraction * (1 - fraction) * whole).add_(piece, alpha=fraction)
        return [(middle, first), (end, piece - first)]

    def _normal(self, variance: float) -> Tensor:
        # A contiguous one: on a strided one the same generator draws other numbers.
        draw = self._like.new_empty(self._like.shape).normal_(generator=self._generator)
        return draw.mul_(math.sqrt(max(variance, 0.0)))
