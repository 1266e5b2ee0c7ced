"""Exact fields between Gaussian mixtures, coupled or not, for every spatially linear process.

With ``(x0, x1) ~ sum_k p_k N((m0, m1), [[C0, X], [X^T, C1]])`` (indices k left out) and ``' = d/du`` in any clock u:

    ``m = alpha m0 + beta m1``,   ``C = alpha^2 C0 + beta^2 C1 + alpha beta (X + X^T) + gamma^2 I``,
    ``r = C^-1 (x - m)``

and with the posterior weights ``w_k(x) ~ p_k N(x; m, C)`` every field is ``sum_k w_k (a_k + A_k r_k)``:

====================  ============================  ======================
field                 a                             A
====================  ============================  ======================
velocity              ``alpha' m0 + beta' m1``      ``Kv + gamma gamma' I``
interpolant velocity  ``alpha' m0 + beta' m1``      ``Kv``
score                 0                             ``-I``
denoiser              0                             ``gamma I``
source denoiser       ``m0``                        ``alpha C0 + beta X``
target denoiser       ``m1``                        ``alpha X^T + beta C1``
====================  ============================  ======================

with ``Kv = alpha alpha' C0 + beta beta' C1 + alpha' beta X + alpha beta' X^T``.

(Gaussian conditioning; compare arXiv 2303.08797, appendix A.)
"""

from __future__ import annotations

import torch
from torch import Tensor

from si_core import (
    FIELDS,
    DirectFields,
    Fields,
    Schedule,
    StochasticInterpolant,
    UniformClock,
    UsageError,
    exact_fields,
)
from si_distributions.correlated import CorrelatedGaussians
from si_distributions.gaussian import Gaussian
from si_distributions.gaussian_mixture import GaussianMixture
from si_distributions.independent import Independent
from si_distributions.mirror import Mirror
from si_distributions.point_mass import PointMass

__all__ = ["GaussianMixtureFields"]

_LOG_TWO_PI = 1.8378770664093453

_FLOOR = 1e-30
"""Added to variances: at t = 0 a point mass has none, and all its mass is where x is."""


class GaussianMixtureFields(DirectFields):
    """The fields of a spatially linear process whose ends are jointly a Gaussian mixture.

    Args:
        process: the process.
        weights: ``p``, shape (k,), with sum 1.
        means0: ``m0``, shape (k, d).
        means1: ``m1``, shape (k, d).
        covariances0: ``C0``, shape (k, d, d).
        covariances1: ``C1``, shape (k, d, d).
        cross: ``X = Cov(x0, x1)``, shape (k, d, d); None for 0.

    Raises:
        UsageError: the interpolant is not spatially linear.
    """

    process: StochasticInterpolant

    def __init__(
        self,
        process: StochasticInterpolant,
        weights: Tensor,
        means0: Tensor,
        means1: Tensor,
        covariances0: Tensor,
        covariances1: Tensor,
        cross: Tensor | None = None,
    ) -> None:
        if not process.structure.spatially_linear:
            raise UsageError("closed forms need a spatially linear interpolant", got=type(process.interpolant).__name__)
        self.process = process
        self._log_weights = weights.double().log()
        self._m0, self._m1 = means0.double(), means1.double()
        self._c0, self._c1 = covariances0.double(), covariances1.double()
        self._x = torch.zeros_like(self._c0) if cross is None else cross.double()

    def _moments(self, s: Schedule) -> tuple[Tensor, Tensor]:
        """Means (N, k, d) and covariances (N, k, d, d) at the times of a schedule."""
        a, b, g = _entries(s.alpha), _entries(s.beta), _entries(s.gamma)
        mean = a * self._m0 + b * self._m1
        a, b, g = a[..., None], b[..., None], g[..., None]
        identity = torch.eye(mean.shape[-1], dtype=mean.dtype, device=mean.device)
        covariance = a**2 * self._c0 + b**2 * self._c1 + a * b * (self._x + self._x.mT) + (g**2 + _FLOOR) * identity
        return mean, covariance

    def _posterior(self, s: Schedule, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """``r`` (B, k, d), weights w (B, k) and ``log rho`` (B,)."""
        mean, covariance = self._moments(s)
        factor = torch.linalg.cholesky(covariance)
        log_scale = self._log_weights - factor.diagonal(dim1=-2, dim2=-1).log().sum(-1)
        inverse = torch.cholesky_inverse(factor)
        mean, inverse, log_scale = (part.to(x) for part in (mean, inverse, log_scale))
        difference = x.flatten(1)[:, None] - mean
        r = (inverse @ difference[..., None])[..., 0]
        log_joint = log_scale - 0.5 * (difference * r).sum(-1) - 0.5 * difference.shape[-1] * _LOG_TWO_PI
        log_density = torch.logsumexp(log_joint, -1)
        return r, (log_joint - log_density[:, None]).exp(), log_density

    def _affine(self, name: str, s: Schedule) -> tuple[Tensor, Tensor]:
        """``a`` (N, k, d) and ``A`` (N, k, d, d) of a field."""
        alpha, beta, gamma = _entries(s.alpha), _entries(s.beta), _entries(s.gamma)
        zero, identity = torch.zeros_like(self._m0), torch.eye(self._m0.shape[-1], dtype=self._m0.dtype)
        a, b, g = alpha[..., None], beta[..., None], gamma[..., None]
        match name:
            case "velocity" | "interpolant-velocity":
                alpha_rate, beta_rate = _entries(s.alpha_rate), _entries(s.beta_rate)
                derivative = alpha_rate * self._m0 + beta_rate * self._m1
                da, db = alpha_rate[..., None], beta_rate[..., None]
                gain = a * da * self._c0 + b * db * self._c1 + da * b * self._x + a * db * self._x.mT
                if name == "velocity":
                    gain = gain + _entries(s.gamma_gamma_rate)[..., None] * identity
                return derivative, gain
            case "score":
                return zero, -identity
            case "denoiser" if self.process.structure.noise == "z":
                return zero, g * identity
            case "denoiser" | "source-denoiser":
                return self._m0, a * self._c0 + b * self._x
            case _:
                return self._m1, a * self._x.mT + b * self._c1

    def field(self, name: str, s: Schedule, x: Tensor) -> Tensor:
        if name not in FIELDS:
            raise UsageError("unknown field", got=repr(name), allowed=", ".join(FIELDS))
        r, weights, _ = self._posterior(s, x)
        constant, gain = (part.to(x) for part in self._affine(name, s))
        of_components = constant + (gain @ r[..., None])[..., 0]
        return (weights[..., None] * of_components).sum(1).reshape(x.shape)

    def log_density(self, t: Tensor | float, x: Tensor) -> Tensor:
        """``log rho(t, x)``, shape (B,), in nats; t of shape (B,) or ()."""
        u = torch.as_tensor(t, dtype=torch.float64, device=x.device)
        return self._posterior(self.schedule(UniformClock(), u), x)[2]

    def moments(self, t: float) -> tuple[Tensor, Tensor]:
        """The mean (d,) and covariance (d, d) of x_t, float64."""
        s = self.schedule(UniformClock(), torch.tensor(t, dtype=torch.float64))
        means, covariances = (part[0] for part in self._moments(s))
        weights = self._log_weights.exp()
        mean = weights @ means
        centred = means - mean
        within = (weights[:, None, None] * covariances).sum(0)
        return mean, within + (weights[:, None] * centred).mT @ centred


def _entries(scalar: Tensor | float | None) -> Tensor:
    """A scalar of a schedule as (N, 1, 1), to broadcast over components and dimensions."""
    return torch.as_tensor(scalar, dtype=torch.float64).reshape(-1, 1, 1)


Mixture = Gaussian | GaussianMixture


@exact_fields.method
def _independent(source: Mixture, target: Mixture, coupling: Independent, process: StochasticInterpolant) -> Fields:
    k0, k1 = len(source.weights), len(target.weights)
    first, second = torch.arange(k0).repeat_interleave(k1), torch.arange(k1).repeat(k0)
    return GaussianMixtureFields(
        process,
        source.weights[first] * target.weights[second],
        source.means[first],
        target.means[second],
        source.covariances[first],
        target.covariances[second],
    )


@exact_fields.method
def _from_point(source: PointMass, target: Mixture, coupling: Independent, process: StochasticInterpolant) -> Fields:
    means, covariances = target.means, target.covariances
    points = source.point.double().flatten().expand_as(means)
    return GaussianMixtureFields(process, target.weights, points, means, torch.zeros_like(covariances), covariances)


@exact_fields.method
def _mirror(source: Mixture, target: Mixture, coupling: Mirror, process: StochasticInterpolant) -> Fields:
    means, covariances = target.means, target.covariances
    return GaussianMixtureFields(process, target.weights, means, means, covariances, covariances, covariances)


@exact_fields.method
def _correlated(
    source: Gaussian, target: Gaussian, coupling: CorrelatedGaussians, process: StochasticInterpolant
) -> Fields:
    return GaussianMixtureFields(
        process,
        torch.ones(1),
        source.means,
        target.means,
        source.covariances,
        target.covariances,
        coupling.cross_covariance(source.means.shape[-1])[None],
    )
