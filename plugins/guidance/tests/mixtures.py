"""Mixtures of Gaussians with exact fields, given a label or not, and the exact laws that guidance is to reach."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

import si_core as si

MEANS = ((-1.5, -0.5), (1.5, 0.5), (0.5, -1.5))
WEIGHTS = (0.3, 0.4, 0.3)
VARIANCES = (0.3, 0.4, 0.25)
GIVEN = {0: (0,), 1: (1, 2)}
"""The components of each class."""


def mixture(components: tuple[int, ...] = (0, 1, 2)) -> si.Distribution:
    total = sum(WEIGHTS[k] for k in components)
    return si.build(
        "distribution",
        "gaussian-mixture",
        means=[list(MEANS[k]) for k in components],
        weights=[WEIGHTS[k] / total for k in components],
        covariances=[VARIANCES[k] for k in components],
        dtype="float64",
    )


class Labelled(si.Distribution):
    """The whole mixture, whose draws have a class."""

    shape = (2,)
    conditions = {"kind": si.ConditionSpec(classes=("left", "right"))}  # noqa: RUF012

    def draw(self, n: int, generator: torch.Generator | None = None) -> tuple[Tensor, si.Condition]:
        x = mixture().sample(n, generator)
        return x, {"kind": (x[:, 0] > 0).long()}


def process(target: si.Distribution, source: si.Distribution | None = None) -> si.StochasticInterpolant:
    source = source or si.build("distribution", "gaussian", dim=2, dtype="float64")
    parts = [si.build(*each) for each in (("interpolant", "linear"), ("latent", "none"), ("coupling", "independent"))]
    return si.StochasticInterpolant(*parts, source, target)


class MixtureFields(si.DirectFields):
    """The exact fields given each state's class, or of the whole mixture where it is left out.

    With ``m_k = t mu_k``, ``c_k = (1-t)^2 + t^2 v_k``, ``r_k = (x - m_k)/c_k`` and responsibilities ``w_k(x)``:
    ``b = sum w_k (mu_k + (t v_k - (1-t)) r_k)``, ``s = -sum w_k r_k``, ``E[x1|x] = sum w_k (mu_k + t v_k r_k)``.
    """

    optional = frozenset({"kind"})

    def __init__(self, labelled: bool = True, condition: si.Condition | None = None) -> None:
        self.process, self.labelled, self.condition = (
            process(Labelled() if labelled else mixture()),
            labelled,
            condition,
        )
        among = [[k in GIVEN[kind] for k in range(3)] for kind in GIVEN] + [[True] * 3]
        self._logs = torch.tensor(WEIGHTS, dtype=torch.float64).where(torch.tensor(among), 0.0).log()

    def conditioned(self, condition: si.Condition | None) -> MixtureFields:
        other = copy.copy(self)
        other.condition = condition
        return other

    def field(self, name: str, s: si.Schedule, x: Tensor) -> Tensor:
        kind = (self.condition or {}).get("kind", torch.tensor([-1])).expand(len(x))
        means, v = torch.tensor(MEANS, dtype=x.dtype), torch.tensor(VARIANCES, dtype=x.dtype)
        t, rate = s.t.to(x).reshape(-1, 1), s.rate.to(x).reshape(-1, 1)
        c = (1 - t) ** 2 + t**2 * v
        off = x[:, None] - t[..., None] * means
        w = torch.softmax(self._logs[kind] - off.square().sum(-1) / (2 * c) - c.log(), 1)[..., None]
        r = off / c[..., None]
        if name == "velocity":
            return rate * (w * (means + ((t * v - (1 - t))[..., None]) * r)).sum(1)
        return -(w * r).sum(1) if name == "score" else (w * (means + (t * v)[..., None] * r)).sum(1)


def sampled_by(fields: si.Fields, epsilon: float, steps: int = 60) -> si.Model:
    method = si.build("integrator", "stochastic-heun" if epsilon else "heun", steps=steps)
    return si.Model(fields.process, fields, method, epsilon)


@dataclass(frozen=True)
class Law:
    """The exact tilted law: its mean (2,), its covariance (2, 2) and its log-normaliser."""

    mean: Tensor
    covariance: Tensor
    log_z: float

    @classmethod
    def of(cls, log_density: Callable[[Tensor], Tensor], reach: float = 7.0, points: int = 281) -> Law:
        """By the trapezoidal rule, which for densities this smooth is exact to the last digits."""
        axis = torch.linspace(-reach, reach, points, dtype=torch.float64)
        grid = torch.cartesian_prod(axis, axis)
        logs = log_density(grid)
        p = torch.softmax(logs, 0)
        mean = p @ grid
        covariance = (grid - mean).T @ (p[:, None] * (grid - mean))
        return cls(mean, covariance, float(logs.logsumexp(0)) + 2 * math.log(float(axis[1] - axis[0])))

    def moments(self) -> Tensor:
        """Mean, covariance and log-normaliser as one vector (7,)."""
        return torch.cat([self.mean, self.covariance.flatten(), torch.tensor([self.log_z], dtype=torch.float64)])


def found(path: si.Trajectory) -> Tensor:
    """The weighted moments of final states, as :meth:`Law.moments`; without weights the last is 0."""
    x, n = path.final.double(), len(path.final)
    logs = path.log_weights if path.log_weights is not None else torch.zeros(n, dtype=torch.float64)
    p = torch.softmax(logs, 0)
    mean = p @ x
    covariance = (x - mean).T @ (p[:, None] * (x - mean))
    log_z = logs.logsumexp(0) - math.log(n)
    return torch.cat([mean, covariance.flatten(), log_z.reshape(1)])
