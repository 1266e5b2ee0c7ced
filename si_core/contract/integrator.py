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

    A method that integrates it without error is left with the changes of m. All are float64, shape (N,), per unit of
    clock.

    Args:
        rate: of x.
        drive: what m is multiplied with; about 0 where the drift says nothing of m.
        noise_squared: ``g^2``, with g the noise; 0 for an ODE.
        variance: ``C > 0`` where ``rate = C'/(2C) - g^2/(2C)`` forward, and with ``+`` backward: the rate of a Gaussian
            law whose variance about its mean is C, however fast it changes. None where the rate has no such form.
    """

    rate: Tensor
    drive: Tensor
    noise_squared: Tensor
    variance: Tensor | None = None


class Problem(Protocol):
    """What an integrator sees of a transport. Times are numbers in the problem's own clock.

    A problem may also offer methods that are asked for by ``getattr``:

    * ``head(rows)``, itself for the first rows of its states, to methods that make a trial run;
    * ``slope(time, x)``, the drift in parts (:class:`~si_core.contract.slope.Slope`);
    * ``linear(times, spread)``, a :class:`LinearShare`, to exponential methods;
    * ``memo(key, make)``, what ``make()`` gave under this key before, to methods that prepare much for a grid;
    * ``divergence(time, x, probes=None)``, to likelihoods: the drift with its divergence in x, shape (B,), or with
      ``v . J v``, shape (B, K), for probes v, shape (K, B, *event), for less than differentiating :meth:`drift` costs
      (None where that is not known). Both can be differentiated further where gradient mode is on.
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
        """The drift at a time, shape of x; it may be a network's own output, which the caller must not change."""

    def noise(self, time: float) -> float:
        """The size of the noise at a time, ``sqrt(2 epsilon dt/du)``; 0 for an ODE."""


class Integrator(ABC):
    """A method; its options are its constructor's arguments."""

    stochastic: bool = False
    """Whether the method integrates noise; where there is none it solves the ODE. A method without refuses noise."""

    adaptive: bool = False
    """Whether the method chooses its own steps."""

    multistep: bool = False
    """Whether a step uses those before it, so that a span cut into parts costs accuracy."""

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

        A method whose steps are given has a copy with that share of them; one that chooses its own steps, itself.

        Args:
            fraction: the share of the span, in (0, 1].
        """
        return self
