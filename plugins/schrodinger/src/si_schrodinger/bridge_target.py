"""The target of a Schrödinger bridge that is known: ends that a Gaussian source reaches by a mixture as potential."""

from __future__ import annotations

from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor

from si_core import Distribution
from si_distributions.gaussian import Gaussian
from si_distributions.gaussian_mixture import GaussianMixture
from si_distributions.options import Precision, precision
from si_schrodinger.potential_bridge import PotentialBridge

__all__ = ["BridgeTarget"]

Matrix = list[list[float]]


class BridgeTarget(Distribution):
    """The law of the end y of the bridge with potential ``psi = sum_k weight_k N(mean_k, covariance_k)``.

    ``x ~ N(source_mean, source_covariance)``, then ``y | x ~ N(y|x, 2 epsilon I) psi(y) / psi(0, x)``, a mixture in
    closed form (:mod:`si_schrodinger.potential_bridge`). With this Gaussian as source and reference
    ``dX = sqrt(2 epsilon) dW`` the bridge to this target is then known exactly; the law of y has no closed density.

    Args:
        means: k lists of d numbers.
        weights: k positive numbers with sum 1; equal where left out.
        covariances: one for all components, a number c (meaning c I) or a d x d matrix; or a list of k of these.
        epsilon: of the reference.
        source_mean: d numbers, or one number for all dimensions.
        source_covariance: a number c (meaning c I), d variances, or a d x d matrix.
        dtype: of the draws.

    Attributes:
        bridge: the bridge.
        source: the Gaussian that it starts from.

    Raises:
        UsageError: as for ``gaussian-mixture`` and ``gaussian``; or epsilon <= 0.
    """

    def __init__(
        self,
        means: list[list[float]],
        weights: list[Annotated[float, Field(gt=0)]] | None = None,
        covariances: float | Matrix | list[float | Matrix] = 1.0,
        epsilon: Annotated[float, Field(gt=0)] = 0.5,
        source_mean: float | list[float] = 0.0,
        source_covariance: float | list[float] | Matrix = 1.0,
        dtype: Precision = "float32",
    ) -> None:
        potential = GaussianMixture(means, weights, covariances)
        self._dtype, self.shape = precision(dtype, "bridge-target"), potential.shape
        self.source = Gaussian(self.shape[0], source_mean, source_covariance, dtype="float64")
        self.bridge = PotentialBridge(potential.weights, potential.means, potential.covariances, epsilon)

    def sample(self, n: int, generator: torch.Generator | None = None) -> Tensor:
        """n draws of y, shape (n, d)."""
        return self.bridge.sample_end(self.source.sample(n, generator), generator).to(self._dtype)
