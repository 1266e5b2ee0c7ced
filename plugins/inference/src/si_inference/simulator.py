"""Simulators: a prior of parameters, and observations drawn given parameters."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

import torch
from torch import Tensor

from si_core import Bounds, UsageError

__all__ = ["Reference", "Simulator", "check_told"]


@dataclass(frozen=True)
class Reference:
    """Samples of a posterior from elsewhere.

    Args:
        name: of the observation.
        observation: shape (*observation_shape,), float64.
        samples: of the posterior, shape (m, d), float64.
        truth: the parameters that the observation was simulated with, shape (d,), float64.
    """

    name: str
    observation: Tensor
    samples: Tensor
    truth: Tensor


class Simulator(ABC):
    """A prior p(theta) and draws of p(x | theta).

    An author writes :meth:`prior` and :meth:`simulate`, and names the parameters. All in double precision, and all
    randomness from the generator.
    """

    names: tuple[str, ...]
    """Of the parameters, d of them."""

    observation_shape: tuple[int, ...]
    """Of one observation."""

    exchangeable: int = 0
    """Into how many independent and equally distributed points an observation falls, in equal parts one after the
    other; 0 for none. In any order they are the same observation."""

    @property
    def bounds(self) -> Bounds | None:
        """Between which the prior's parameters lie; None for everywhere."""
        return None

    @abstractmethod
    def prior(self, n: int, generator: torch.Generator) -> Tensor:
        """n parameters of the prior, shape (n, d)."""

    @abstractmethod
    def simulate(self, theta: Tensor, generator: torch.Generator) -> Tensor:
        """An observation for each of the parameters (n, d), shape (n, *observation_shape)."""

    @property
    def has_posterior(self) -> bool:
        """Whether :meth:`posterior_log_prob` and :meth:`posterior` are there."""
        own = type(self)
        ours = (Simulator.posterior_log_prob, Simulator.posterior)
        return own.posterior_log_prob is not ours[0] and own.posterior is not ours[1]

    def posterior_log_prob(self, theta: Tensor, x: Tensor) -> Tensor:
        """``log p(theta | x)``, normalised: parameters (n, d) and an observation for each, shape (n,), in nats."""
        raise TypeError(f"the posterior of {type(self).__name__} has no closed form")

    def posterior(self, x: Tensor, n: int, generator: torch.Generator) -> Tensor:
        """n independent samples of the posterior given one observation x (*observation_shape,), shape (n, d)."""
        raise TypeError(f"the posterior of {type(self).__name__} has no closed form")

    def references(self) -> tuple[Reference, ...]:
        """Samples of posteriors that come with the simulator, for comparison."""
        return ()


def check_told(simulator: Simulator) -> None:
    """Refuse a simulator that does not say what its parameters are called and of which shape observations are.

    Raises:
        UsageError: it doesn't.
    """
    missing = [name for name in ("names", "observation_shape") if not hasattr(simulator, name)]
    if missing:
        raise UsageError(
            "a simulator names its parameters and says the shape of an observation",
            where=type(simulator).__name__,
            got=f"no {' and no '.join(missing)}",
            fix='write them in the class: names = ("rate", "angle") and observation_shape = (50,)',
        )
