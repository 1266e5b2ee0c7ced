"""Closed forms between two isotropic Gaussians: the truth that components are checked against.

With ``x_t = alpha x0 + beta x1 + gamma z``, ``x0 ~ N(m0, s0^2 I)``, ``x1 ~ N(m1, s1^2 I)`` independent, coordinate by
coordinate and per unit of any clock u (``' = d/du``):

    ``m = alpha m0 + beta m1``,  ``C = alpha^2 s0^2 + beta^2 s1^2 + gamma^2``,  ``r = (x - m)/C``

====================  =================================================================
field                 value
====================  =================================================================
velocity              ``m' + (alpha alpha' s0^2 + beta beta' s1^2 + gamma gamma') r``
interpolant velocity  ``m' + (alpha alpha' s0^2 + beta beta' s1^2) r``
score                 ``-r``
denoiser              ``gamma r``; of a source that is the only noise ``alpha s0^2 r``
source denoiser       ``m0 + alpha s0^2 r``
target denoiser       ``m1 + beta s1^2 r``
====================  =================================================================
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from si_authoring.testing.doubles import Independent, Normal
from si_core import DirectFields, Fields, Schedule, StochasticInterpolant, UniformClock, UsageError, exact_fields
from si_core.public.process import spread

__all__ = ["NormalFields"]


class NormalFields(DirectFields):
    """The fields of a spatially linear process between two of the kit's Gaussians.

    Args:
        process: the process; its ends are :class:`~si_authoring.testing.doubles.Normal` and independent.

    Raises:
        UsageError: it has other ends.
    """

    process: StochasticInterpolant

    def __init__(self, process: StochasticInterpolant) -> None:
        source, target = process.source, process.target
        if not isinstance(source, Normal) or not isinstance(target, Normal):
            raise UsageError("closed forms between the kit's Gaussians only", got=f"{source!r}, {target!r}")
        self.process = process
        self._m0, self._m1 = source.mean, target.mean
        self._v0, self._v1 = source.deviation**2, target.deviation**2

    def law(self, s: Schedule) -> tuple[Tensor, Tensor]:
        """``m`` and ``C`` of each coordinate of x_t at the times of a schedule, each (N,), float64."""
        alpha, beta, gamma = (torch.as_tensor(part, dtype=torch.float64) for part in (s.alpha, s.beta, s.gamma))
        return alpha * self._m0 + beta * self._m1, alpha**2 * self._v0 + beta**2 * self._v1 + gamma**2

    def moments(self, t: float) -> tuple[Tensor, Tensor]:
        """The mean (d,) and covariance (d, d) of flattened x_t at a time, float64."""
        mean, variance = self.law(self.schedule(UniformClock(), torch.tensor([t], dtype=torch.float64)))
        d = math.prod(self.process.shape)
        return mean.expand(d), variance * torch.eye(d, dtype=torch.float64)

    def field(self, name: str, s: Schedule, x: Tensor) -> Tensor:
        process = self.process
        process.coefficients(name, s)  # refuses a field that the process has not
        alpha, beta, gamma = (torch.as_tensor(part, dtype=torch.float64) for part in (s.alpha, s.beta, s.gamma))
        mean, variance = self.law(s)
        r = (x - spread(mean, x)) / spread(variance, x)
        match name:
            case "velocity" | "interpolant-velocity":
                rates = [torch.as_tensor(part, dtype=torch.float64) for part in (s.alpha_rate, s.beta_rate)]
                gain = alpha * rates[0] * self._v0 + beta * rates[1] * self._v1
                if name == "velocity":
                    gain = gain + torch.as_tensor(s.gamma_gamma_rate)
                return spread(rates[0] * self._m0 + rates[1] * self._m1, x) + spread(gain, x) * r
            case "score":
                return -r
            case "denoiser" if process.structure.noise == "z":
                return spread(gamma, x) * r
            case "denoiser" | "source-denoiser":
                return self._m0 + spread(alpha * self._v0, x) * r
            case _:
                return self._m1 + spread(beta * self._v1, x) * r


@exact_fields.method
def _between_normals(source: Normal, target: Normal, coupling: Independent, process: StochasticInterpolant) -> Fields:
    return NormalFields(process)
