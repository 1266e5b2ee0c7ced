"""Cases in which every field is known: processes between two Gaussians, in each clock, with and without pairs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache

import torch
from torch import Tensor

from si_authoring.testing.conditional import ConditionalDraws, conditional_draws
from si_authoring.testing.doubles import Normal, Silent, process_between
from si_authoring.testing.exact import NormalFields
from si_core import Schedule, StochasticInterpolant, UniformClock
from si_core.public.process import Coefficients, spread

__all__ = ["GaussianCase", "gaussian_cases", "gaussian_processes"]

_TIMES = (0.08, 0.3, 0.5, 0.77, 0.95)
_POINTS = ((-1.7, 0.4), (-0.6, -1.1), (0.1, 0.3), (0.8, 1.9), (1.6, -0.7))


@dataclass(frozen=True)
class GaussianCase:
    """Draws of one process given x_t, with the closed forms at them.

    Args:
        name: the process, the clock, and whether there are pairs.
        process: the process.
        draws: the draws.
    """

    name: str
    process: StochasticInterpolant
    draws: ConditionalDraws

    @property
    def schedule(self) -> Schedule:
        """The scalars at the draws."""
        schedule = self.draws.draw.schedule
        if schedule is None:
            raise TypeError("draws of the kit have a schedule")
        return schedule

    def exact(self, field: str) -> Tensor:
        """The closed-form field at the draws, per unit of their clock, shape (B, *event)."""
        return NormalFields(self.process).field(field, self.schedule, self.draws.draw.xt)

    def of_coefficients(self, coefficients: Coefficients) -> Tensor:
        """Coefficients times ``E[(x0, x1, z) | x_t]``, shape (B, *event)."""
        known = ["source-denoiser", "target-denoiser", *(["denoiser"] if self.process.structure.latent else [])]
        terms = zip(coefficients, known, strict=False)
        parts = [spread(scalar, self.draws.draw.xt) * self.exact(name) for scalar, name in terms]
        return torch.stack(parts).sum(0)


@cache
def gaussian_processes(shape: tuple[int, ...]) -> Mapping[str, StochasticInterpolant]:
    """Processes of the line between two Gaussians, by what is known of them."""
    target = Normal(shape, mean=1.5, deviation=0.6)
    wide, standard = Normal(shape, mean=-1.0, deviation=1.3), Normal(shape)
    return {
        "two-sided": process_between(wide, target),
        "one-sided": process_between(standard, target),
        "two-sided without latent": process_between(wide, target, Silent()),
        "one-sided without latent": process_between(standard, target, Silent()),
    }


def gaussian_cases(dimensions: int = 2) -> Iterator[GaussianCase]:
    """All cases, for events of 1 or 2 dimensions."""
    u = torch.tensor(_TIMES, dtype=torch.float64)
    points = torch.tensor(_POINTS, dtype=torch.float64)[:, :dimensions]
    for name, process in gaussian_processes((dimensions,)).items():
        for clock in dict.fromkeys((process.clock, UniformClock())):
            for antithetic in (False, True) if process.structure.latent else (False,):
                draws = conditional_draws(process, clock, u, points, antithetic)
                yield GaussianCase(f"{name}, {'pairs' if antithetic else 'no pairs'}, {clock!r}", process, draws)
