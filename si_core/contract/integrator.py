"""Integrators: methods that solve the initial value problem of a transport.

    ODE   ``dX = drift(t, X) dt``            SDE   ``dX = drift(t, X) dt + noise(t) dW``   (Itô)

A step from time r to time t has the signed length ``h = t - r``; noise goes with ``sqrt(|h|)``.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from si_core.contract.data import Trajectory

__all__ = ["Integrator", "LinearShare", "Problem"]


@dataclass(frozen=True)
class LinearShare:
    """A share of a drift that is linear in x, and known: ``drift(x) = rate x + drive m(x)`` with m of order 1.

    It is the drift for a Gaussian law whose variance about its mean is C, where m is a constant. A method that
    integrates it without error is left with the changes of m. All are float64, shape (N,), per unit of clock.

    Args:
        variance: ``C > 0``.
        pull: ``g^2/(2C)`` with g the noise; 0 for an ODE.
        rate: ``C'/(2C) - pull`` forward, ``C'/(2C) + pull`` backward.
        drive: what m is multiplied with; about 0 where the drift says nothing of m.
    """

    variance: Tensor
    pull: Tensor
    rate: Tensor
    drive: Tensor


class Problem(Protocol):
    """What an integrator sees of a transport. Times are numbers in the problem's own clock.

    A problem may also offer two methods that an integrator asks for by ``getattr``: ``head(rows)``, itself for the
    first rows of its states, to methods that make a trial run; and ``linear(times, spread)``, a :class:`LinearShare`
    (None where none is known), to exponential methods.
    """

    @property
    def start(self) -> float:
        """The time of the initial state."""

    @property
    def stop(self) -> float:
        """The time to reach; below :attr:`start` for a backward problem."""

    @property
    def stochastic(self) -> bool:
        """Whether the noise is not 0 throughout."""

    def prepare(self, times: Sequence[float], x: Tensor) -> None:
        """Compute the scalars at these times at once, before the loop; optional, for speed."""

    def drift(self, time: float, x: Tensor) -> Tensor:
        """The drift at a time, shape of x; a fresh tensor which the caller may change."""

    def noise(self, time: float) -> float:
        """The size of the noise at a time, ``sqrt(2 epsilon dt/du)``; 0 for an ODE."""


class Integrator(ABC):
    """A method; its options are its constructor's arguments."""

    stochastic: bool = False
    """Whether the method integrates noise; where there is none it solves the ODE. A method without refuses noise."""

    adaptive: bool = False
    """Whether the method chooses its own steps."""

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

    def part(self, fraction: float) -> Integrator:
        """This method for a part of a span, so that the parts together cost what the whole does.

        Args:
            fraction: the share of the span, in (0, 1].
        """
        return self
