"""Exact fields of a process whose target is another Gaussian for each condition: truth for guidance with weights.

The source is standard normal and the path the line, so the closed forms of :mod:`si_authoring.testing.exact` hold given
what a state is given; of a condition that is left out they hold with other means and variances, as of some mixture.
"""

from __future__ import annotations

import copy

import torch
from torch import Tensor

from si_authoring.testing.doubles import Normal, Silent, process_between
from si_authoring.testing.toy_model import OPTIONAL, Labelled
from si_core import Condition, DirectFields, Schedule, StochasticInterpolant, UsageError
from si_core.public.process import spread

__all__ = ["ConditionalNormals"]

_MEANS, _DEVIATIONS, _SLOPE = (-0.6, 0.7, 0.1), (0.6, 0.8, 1.0), 0.3


class ConditionalNormals(DirectFields):
    """``x1 ~ N(m, v I)``: m and v by the label ``kind``, or without it, and m moved by ``observation``.

    Args:
        shape: the event shape.
    """

    process: StochasticInterpolant
    optional = OPTIONAL

    def __init__(self, shape: tuple[int, ...] = (2,)) -> None:
        self.process = process_between(Normal(shape), Labelled(shape, 0.1, 1.0), Silent())

    def conditioned(self, condition: Condition | None) -> ConditionalNormals:
        for name in condition or {}:
            if name not in self.process.conditions:
                raise UsageError("these fields take no such condition", got=name, allowed="kind, observation")
        other = copy.copy(self)
        other.condition = condition
        return other

    def law(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """m and v for states like x, each (B,) or (1,), float64."""
        given = self.condition or {}
        kind = given.get("kind", torch.tensor([-1], device=x.device))
        observed = given.get("observation", torch.zeros(1, device=x.device)).to(x.device).double().nan_to_num(0.0)
        means, deviations = (torch.tensor(each, dtype=torch.float64, device=x.device) for each in (_MEANS, _DEVIATIONS))
        return means[kind] + _SLOPE * observed, deviations[kind].square()

    def log_prob(self, x: Tensor) -> Tensor:
        """The log-density of points of the target, shape (B,)."""
        mean, variance = (spread(each, x) for each in self.law(x))
        logs = -0.5 * ((x - mean) ** 2 / variance + torch.log(2 * torch.pi * torch.as_tensor(variance)))
        return logs.reshape(len(x), -1).sum(1)

    def field(self, name: str, s: Schedule, x: Tensor) -> Tensor:
        self.process.coefficients(name, s)  # refuses a field that the process has not
        mean, variance = self.law(x)
        alpha, beta, of_alpha, of_beta = (
            torch.as_tensor(each).double().to(x.device) for each in (s.alpha, s.beta, s.alpha_rate, s.beta_rate)
        )
        whole = alpha**2 + beta**2 * variance
        r = (x - spread(beta * mean, x)) / spread(whole, x)
        match name:
            case "velocity" | "interpolant-velocity":
                gain = alpha * of_alpha + beta * of_beta * variance
                return spread(of_beta * mean, x) + spread(gain, x) * r
            case "score":
                return -r
            case "denoiser" | "source-denoiser":
                return spread(alpha, x) * r
            case _:
                return spread(mean, x) + spread(beta * variance, x) * r
