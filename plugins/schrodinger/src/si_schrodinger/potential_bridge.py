"""Schrödinger bridges with a Gaussian mixture as potential: known, and far from Gaussian.

For ``psi(y) = sum_k w_k N(y | mu_k, Sigma_k)`` and any source ``rho0`` the plan

    ``pi(x, y) = rho0(x) N(y|x, 2 epsilon I) psi(y) / psi(0, x)``

is that of a bridge (reference ``dX = sqrt(2 epsilon) dW``) from rho0 to its second marginal. The source only weighs the
starting points, so that

    ``psi(t, x) = sum_k w_k N(x | mu_k, Sigma_k + 2 epsilon (1-t) I)``,      ``u(t, x) = 2 epsilon grad log psi(t, x)``,
    ``y | x ~ sum_k r_k(x) N(S_k (x/(2 epsilon) + Sigma_k^-1 mu_k), S_k)``,  ``S_k = (I/(2 epsilon) + Sigma_k^-1)^-1``,

with ``r_k(x) ~ w_k N(x | mu_k, Sigma_k + 2 epsilon I)``, hold for every source. Targets are made rather than chosen:
the way of Gushchin et al., arXiv 2306.10161, to benchmark what learns bridges.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from si_core import Estimate, UsageError
from si_distributions.randomness import normal
from si_schrodinger.bridge import Bridge

__all__ = ["PotentialBridge"]

_WHERE = "PotentialBridge"


@dataclass(frozen=True)
class _Components:
    """The components at some times, seen from states: each in the basis of its own covariance.

    Args:
        offsets: ``V_k^T (x - mu_k)``, shape (B, k, d).
        variances: the eigenvalues of ``Sigma_k + 2 epsilon (1-t) I``, shape (B or 1, k, d).
        log_joint: ``log w_k N(x | mu_k, Sigma_k + 2 epsilon (1-t) I)``, shape (B, k).
    """

    offsets: Tensor
    variances: Tensor
    log_joint: Tensor


class PotentialBridge(Bridge):
    """The bridge whose potential is ``psi = sum_k weights_k N(means_k, covariances_k)``, from any source.

    Args:
        weights: k positive numbers; a potential has no scale, so they need no sum.
        means: shape (k, d).
        covariances: shape (k, d, d), positive definite.
        epsilon: of the reference ``dX = sqrt(2 epsilon) dW``.

    Raises:
        UsageError: shapes that don't fit together, a weight or an epsilon <= 0, or a covariance that is not positive
            definite.
    """

    def __init__(self, weights: Any, means: Any, covariances: Any, epsilon: float) -> None:
        super().__init__(epsilon)
        weights, means, covariances = (torch.as_tensor(part).double() for part in (weights, means, covariances))
        shapes = [tuple(part.shape) for part in (weights, means, covariances)]
        if means.ndim != 2 or shapes != [(len(means),), tuple(means.shape), (*means.shape, means.shape[1])]:
            raise UsageError(
                "parts of a mixture that don't fit together",
                where=_WHERE,
                got=f"weights, means, covariances of shapes {shapes}",
                allowed="(k,), (k, d) and (k, d, d)",
            )
        variances, vectors = torch.linalg.eigh((covariances + covariances.mT) / 2)
        if not (bool((weights > 0).all()) and bool((variances > 0).all())):
            raise UsageError("weights and covariances must be positive", where=_WHERE)
        self._log_weights, self._means, self._variances, self._vectors = weights.log(), means, variances, vectors

    def log_potential(self, t: Tensor | float, x: Tensor) -> Tensor:
        """``log psi(t, x)``, shape (B,), float64; t in [0, 1] of shape (B,) or (), x of shape (B, *event)."""
        return torch.logsumexp(self._components(t, x).log_joint, -1)

    def drift(self, t: Tensor | float, x: Tensor) -> Tensor:
        """``2 epsilon grad log psi(t, x)``, shape of x; t in [0, 1] of shape (B,) or (), x of shape (B, *event)."""
        seen = self._components(t, x)
        pulls = seen.log_joint.softmax(-1)[..., None] * seen.offsets / seen.variances
        gradient = -torch.einsum("bke,kde->bd", pulls, self._vectors.to(pulls))
        return (2 * self.epsilon * gradient).to(x.dtype).reshape(x.shape)

    def sample_end(self, x: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """One draw of ``y | x`` for each x, shape of x."""
        seen = self._components(0.0, x)
        chosen = torch.multinomial(seen.log_joint.softmax(-1), 1, generator=generator)[:, 0]
        noise = normal((len(x), self._means.shape[1]), torch.float64, generator)
        ends = torch.empty_like(noise)
        # One component at a time: a matrix for each state would need B d^2 numbers.
        for k in range(len(self._means)):
            rows = chosen == k
            fraction = (self._variances[k] / (self._variances[k] + 2 * self.epsilon)).to(noise)
            along = fraction * seen.offsets[rows, k] + (2 * self.epsilon * fraction).sqrt() * noise[rows]
            ends[rows] = self._means[k].to(noise) + along @ self._vectors[k].to(noise).mT
        return ends.to(x.dtype).reshape(x.shape)

    def path_kl(self, x0: Tensor, generator: torch.Generator | None = None) -> Estimate:
        """``KL(bridge || reference from the same start) = E[log psi(y) - log psi(0, x)]`` in nats, unbiased.

        Args:
            x0: draws of the source, shape (B, *event), B >= 2; y is drawn once for each.
            generator: the source of randomness.
        """
        y = self.sample_end(x0.double(), generator)
        gains = self.log_potential(1.0, y) - self.log_potential(0.0, x0)
        error = float(gains.std()) / math.sqrt(len(gains))
        return Estimate("path-kl", float(gains.mean()), error, "unbiased", "nats", gains)

    def _components(self, t: Tensor | float, x: Tensor) -> _Components:
        rows = x.flatten(1).double()
        means, variances, vectors, log_weights = (
            part.to(rows) for part in (self._means, self._variances, self._vectors, self._log_weights)
        )
        times = torch.as_tensor(t, dtype=torch.float64, device=x.device).reshape(-1, 1, 1)
        offsets = torch.einsum("bkd,kde->bke", rows[:, None] - means, vectors)
        spread = variances + 2 * self.epsilon * (1 - times)
        log_normal = -0.5 * (offsets.square() / spread + spread.log() + math.log(2 * math.pi)).sum(-1)
        return _Components(offsets, spread, log_weights + log_normal)
