"""How wide a process is, by what is known of the size of its ends.

With variances v0 and v1 of the ends, each in all directions, and a correlation c between them, ``x_t`` has the variance

    C = alpha^2 v0 + beta^2 v1 + 2 c alpha beta (v0 v1)^(1/2) + gamma^2

and the Gaussian process with these variances has the drift of a linear problem: ``(dt/du) (b +- epsilon s)`` is
``C'/(2C) x -+ g^2/(2C) x`` about its mean, with ``g^2 = 2 epsilon dt/du`` and ``' = d/du``.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from si_core.contract.clock import UniformClock
from si_core.contract.combine import spread
from si_core.contract.schedule import Schedule
from si_core.process.process import StochasticInterpolant

__all__ = ["EndVariances", "end_variances", "known_gaussian", "largest_mean_square", "mean_path"]

_TIMES = 33
"""Times between which the largest size of a process is looked for; it is a smooth function."""


@dataclass(frozen=True)
class EndVariances:
    """The variances of both ends.

    Args:
        source: v0.
        target: v1.
        correlation: c.
    """

    source: float
    target: float
    correlation: float = 0.0

    def variance(self, s: Schedule) -> Tensor:
        """C at the times of the schedule of a spatially linear process, shape (N,)."""
        alpha, beta, gamma = (torch.as_tensor(part) for part in (s.alpha, s.beta, s.gamma))
        return alpha * alpha * self.source + beta * beta * self.target + 2 * self._both * alpha * beta + gamma * gamma

    def half_growth(self, s: Schedule) -> Tensor:
        """``C'/2`` per unit of clock, shape (N,)."""
        alpha, beta, alpha_rate, beta_rate = (
            torch.as_tensor(part) for part in (s.alpha, s.beta, s.alpha_rate, s.beta_rate)
        )
        own = alpha * alpha_rate * self.source + beta * beta_rate * self.target
        return own + self._both * (alpha_rate * beta + alpha * beta_rate) + s.gamma_gamma_rate

    @property
    def _both(self) -> float:
        return self.correlation * math.sqrt(self.source * self.target)


def end_variances(process: StochasticInterpolant, narrowest: bool = False) -> EndVariances | None:
    """The variances of the ends of a process; None where they say nothing of its width, or are not known.

    Ends that depend on each other count as fully correlated: no process with these ends is wider.

    Args:
        process: the process.
        narrowest: whether to take the least variance in any direction and mode, where that is known.
    """
    ends, structure = (process.source.moments, process.target.moments), process.structure
    source, target = ends
    if source is None or target is None or not structure.spatially_linear or structure.anchored or structure.intervals:
        return None
    least = [end.narrowest if narrowest and end.narrowest is not None else end.variance for end in (source, target)]
    return EndVariances(least[0], least[1], 0.0 if process.coupling.independent else 1.0)


def known_gaussian(process: StochasticInterpolant) -> EndVariances | None:
    """The variances of a process between independent Gaussians ``N(m, C I)``; None for any other."""
    source, target = process.source.moments, process.target.moments
    gaussian = source is not None and target is not None and source.mean is not None and target.mean is not None
    return end_variances(process) if gaussian and process.coupling.independent else None


def mean_path(process: StochasticInterpolant, s: Schedule) -> dict[str, Tensor]:
    """The mean ``alpha m0 + beta m1`` of a process between such Gaussians as the ``centre`` of its linear part, and its
    change per unit of clock as the ``centre_rate``, each shape (N, *event), float64; nothing where it is 0."""
    means = [end.mean for end in (process.source.moments, process.target.moments) if end is not None]
    if any(mean is None for mean in means) or not any(bool(mean.any()) for mean in means if mean is not None):
        return {}
    first, last = (mean.double().unsqueeze(0) for mean in means if mean is not None)

    def of(alpha: Tensor | None, beta: Tensor | None) -> Tensor:
        return spread(torch.as_tensor(alpha), first) * first + spread(torch.as_tensor(beta), last) * last

    return {"centre": of(s.alpha, s.beta), "centre_rate": of(s.alpha_rate, s.beta_rate)}


def largest_mean_square(process: StochasticInterpolant) -> float | None:
    """A bound on ``E|x_t|^2 / d`` at all times, whatever the coupling; None where it is not known.

    By the triangle inequality ``E|x_t|^2 <= (|alpha| s0 + |beta| s1)^2 + d gamma^2`` with ``s^2 = E|x|^2`` of the ends.
    """
    source, target = process.source.moments, process.target.moments
    if source is None or target is None or not process.structure.spatially_linear or process.structure.intervals:
        return None
    s0, s1 = math.sqrt(source.mean_size), math.sqrt(target.mean_size)

    def bound() -> float:
        s = process.schedule(UniformClock(), torch.linspace(0, 1, _TIMES, dtype=torch.float64))
        alpha, beta, gamma = (torch.as_tensor(part) for part in (s.alpha, s.beta, s.gamma))
        return float(((alpha.abs() * s0 + beta.abs() * s1).square() + gamma * gamma).max())

    with torch.no_grad():
        return process.memo("largest mean square", bound)
