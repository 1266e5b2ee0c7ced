"""Integrators: methods that solve an initial value problem (:mod:`si_core.contract.problem`).

A step from time r to time t has the signed length ``h = t - r``; noise goes with ``sqrt(|h|)``.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

import torch
from torch import Tensor

from si_core.contract.data import Trajectory
from si_core.contract.problem import Problem

__all__ = ["Integrator"]


class Integrator(ABC):
    """A method; its options are its constructor's arguments."""

    stochastic: bool = False
    """Whether the method integrates noise; where there is none it solves the ODE. A method without refuses noise."""

    adaptive: bool = False
    """Whether the method chooses its own steps."""

    multistep: bool = False
    """Whether a step uses those before it, so that a span cut into parts costs accuracy."""

    steps: int | None = None
    """The number of steps, where it is given beforehand."""

    order: float = 1.0
    """The order of the error in the step: strong for an ODE, weak for an SDE with additive noise."""

    @abstractmethod
    def solve(self, transport: Problem, x: Tensor, generator: torch.Generator | None = None) -> Trajectory:
        """Integrate from ``transport.start`` to ``transport.stop``.

        Args:
            transport: the problem.
            x: the initial state, shape (B, *event); it is not changed.
            generator: the source of the noise.

        Returns:
            A trajectory whose first state is x and whose last state is at ``transport.stop``; its times are in the
            problem's clock.
        """

    def solve_at(
        self, transport: Problem, x: Tensor, times: Sequence[float], generator: torch.Generator | None = None
    ) -> Trajectory | None:
        """Integrate as :meth:`solve` does, and keep the states at inner times too; optional.

        A method that goes on where another would start anew, because it knows its solution between steps or lets a step
        end at a time without losing those before it, has it. Without it (None) the span is split at the times, and
        :meth:`part` solves the parts.

        Args:
            transport: the problem.
            x: the initial state, shape (B, *event); it is not changed.
            times: times of the problem's clock between ``transport.start`` and ``transport.stop``, in this order.
            generator: the source of the noise.

        Returns:
            A trajectory whose states are x, those at the times, and the last one; or None.
        """
        return None

    def part(self, fraction: float) -> Integrator:
        """This method for a part of a span, so that the parts together cost what the whole does.

        A method whose steps are given has a copy with that fraction of them; one that chooses its own steps, itself.

        Args:
            fraction: that of the span, in (0, 1].
        """
        return self
