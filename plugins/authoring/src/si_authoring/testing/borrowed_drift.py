"""The check that a method leaves a drift as it is, which may be a network's own output."""

from __future__ import annotations

import torch
from torch import Tensor

from si_authoring.testing.check import Violation, check
from si_authoring.testing.setting import Setting
from si_core import Integrator, Problem

__all__ = ["drift_left_alone"]

_SHARE = 0.1


class _ConstantDrift(Problem):
    """``dX = value dt + size dW`` on a fraction of the unit interval; the drift is one tensor throughout."""

    stop = _SHARE

    def __init__(self, value: Tensor, size: float) -> None:
        self.value, self.size, self.stochastic = value, size, size > 0

    def drift(self, time: float, x: Tensor) -> Tensor:
        return self.value[: len(x)]

    def noise(self, time: float) -> float:
        return self.size


@check
def drift_left_alone(method: Integrator) -> None:
    """A drift may be a network's own output, so it is not written to."""
    for size in (0.0, 0.5) if method.stochastic else (0.0,):
        problem = _ConstantDrift(torch.ones(3, 2, dtype=torch.float64), size)
        with torch.no_grad():
            method.part(_SHARE).solve(problem, torch.zeros_like(problem.value), Setting().generator)
        if not bool((problem.value == 1.0).all()):
            raise Violation("it writes to the drift it is given, which may be a network's own; work on a copy")
