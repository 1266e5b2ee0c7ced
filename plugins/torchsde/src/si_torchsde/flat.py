"""A problem as torchsde wants it: states of shape (batch, channels), and time counted in steps."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from si_core import Problem

__all__ = ["FlatSDE"]


class FlatSDE:
    """``dX = h f(t, X) ds + sqrt(|h|) g(t) dW_s`` with ``t = start + h s``, in the form that torchsde looks for.

    Args:
        problem: the problem.
        shape: the shape of the state, (B, *event).
        steps: the number of steps N; s runs from 0 to N and ``h = (stop - start)/N``.
        calculus: ``ito`` or ``stratonovich``; the solution is the same, but torchsde ties methods to one of them.
    """

    noise_type = "additive"

    def __init__(self, problem: Problem, shape: torch.Size, steps: int, calculus: str) -> None:
        self.problem, self.shape, self.steps, self.sde_type = problem, shape, steps, calculus
        self.h = (problem.stop - problem.start) / steps
        self.evaluations = 0
        self._last: tuple[float, Tensor, Tensor] | None = None

    def flatten(self, x: Tensor) -> Tensor:
        """A state as rows, shape (B, prod(event))."""
        return x.reshape(len(x), math.prod(self.shape[1:]))

    def time(self, position: float) -> float:
        """The time at a position counted in steps; exact at both ends."""
        if position >= self.steps:
            return self.problem.stop
        return self.problem.start + (self.problem.stop - self.problem.start) * (position / self.steps)

    def f(self, position: Tensor, y: Tensor) -> Tensor:
        """The drift per step. torchsde asks for some values twice in a row, so the last one is kept."""
        time = self.time(float(position))
        if self._last is None or self._last[0] != time or self._last[1] is not y:
            self.evaluations += 1
            drift = self.problem.drift(time, y.reshape(self.shape))
            self._last = (time, y, self.flatten(drift) * self.h)
        return self._last[2]

    def g_prod(self, position: Tensor, y: Tensor, v: Tensor) -> Tensor:
        """The noise per step times v."""
        if not self.problem.stochastic:
            return torch.zeros_like(v)
        return v * (math.sqrt(abs(self.h)) * self.problem.noise(self.time(float(position))))
