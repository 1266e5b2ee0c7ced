"""The Kullback-Leibler divergence of the first coordinates, from kernel density estimates.

    ``KL(rho1 | rho1_hat) = E[log r + (1/r - 1)]``,    ``r = rho1/rho1_hat``,    x ~ rho1

where the term ``1/r - 1``, of mean 0, makes every summand non-negative (the study in 128 dimensions of
arXiv 2303.08797).
"""

from __future__ import annotations

import math
from typing import Annotated, Any

import torch
from pydantic import Field
from torch import Tensor

from si_core import Estimate, Estimator, Largest, Model
from si_estimators.comparison import LIMIT, ComparisonSizes
from si_estimators.kernel_density import KernelDensity, density_without_parts, whole_density
from si_estimators.options import flat, needs_generator, points, whole
from si_estimators.samples import samples_of_one_law

__all__ = ["MarginalKL", "kernel_divergence"]

_WHERE = "marginal-kl"
_PARTS = 20
"""Parts of a sample that the jackknife leaves out in turn."""


def _summand(log_ratio: Tensor) -> Tensor:
    """``log r + (1/r - 1)``, at least 0."""
    return log_ratio + torch.expm1(-log_ratio)


def kernel_divergence(x: Tensor, y: Tensor) -> tuple[Tensor, float]:
    """``log r + (1/r - 1)`` at the points x, and the standard error of its mean.

    Args:
        x: a sample of rho1, shape (n, d), float64.
        y: a sample of rho1_hat, shape (m, d), float64.

    Returns:
        Values, shape (n,), and the error by the jackknife over parts of both samples.

    Raises:
        DataError: a sample without a density.
    """
    first, second = KernelDensity(x, _PARTS, _WHERE), KernelDensity(y, _PARTS, _WHERE)
    own, other = first.log_sums(x), second.log_sums(x)
    log_p, log_q = whole_density(own, first.sizes), whole_density(other, second.sizes)
    without_y = _summand(log_p[:, None] - density_without_parts(other, second.sizes)).mean(0)
    # A part of x is left out both as centres of kernels and as points.
    part = torch.arange(_PARTS, device=x.device).repeat_interleave(first.sizes.long())
    kept = (part[:, None] != torch.arange(_PARTS, device=x.device)).double()
    without_x = (_summand(density_without_parts(own, first.sizes) - log_q[:, None]) * kept).sum(0) / kept.sum(0)
    variance = sum(float(values.var(correction=0)) for values in (without_x, without_y)) * (_PARTS - 1)
    return _summand(log_p - log_q), math.sqrt(variance)


class MarginalKL(Estimator):
    """The divergence ``KL(rho1 | rho1_hat)`` of the first two coordinates of data and samples, by kernel densities.

    ``mean[log r + (1/r - 1)]`` over the reference data, with ``r = rho1/rho1_hat`` the ratio of two kernel density
    estimates with Scott's rule: the metric of the study in 128 dimensions of arXiv 2303.08797. Every summand is at
    least 0.

    It is no bound of the divergence in either direction, and *approximate*: a metric by which models are compared at
    equal numbers of samples, and which tends to the divergence of the two coordinates as both numbers grow. Smoothing
    by h changes it by a fraction of about ``h^2 = n^(-1/3)``, much more where the law has structure below h; and it is
    above 0 for equal laws, by the *floor* among the details: the same number for two fresh draws of the data's law, or
    for two halves of the reference data where the data are finite. The standard error is that of both samples, by a
    jackknife over 20 parts.

    Args:
        coordinates: how many coordinates, of flattened events in model space; at most as many as there are.
        samples: the number of model samples; None for as many as there are reference data, up to the limit.
        batch: how many samples are made at once.
        limit: of the number of samples where it is left open, and of data: of more a part is chosen at random, which
            the details tell.

    Raises:
        UsageError: an option out of range.
    """

    needs = frozenset({"samples"})

    def __init__(
        self,
        coordinates: Annotated[int, Field(ge=1, le=Largest.DIMENSIONS)] = 2,
        samples: Annotated[int, Field(ge=20, le=Largest.POINTS)] | None = None,
        batch: Annotated[int, Field(ge=1, le=Largest.BATCH)] = 4096,
        limit: Annotated[int, Field(ge=20, le=Largest.PAIRWISE)] = LIMIT,
    ) -> None:
        self.coordinates = whole(coordinates, "coordinates", _WHERE)
        self.sizes = ComparisonSizes(_WHERE, samples, limit, batch, _PARTS, balanced=False)

    def estimate(self, model: Model, x: Tensor, generator: torch.Generator | None = None) -> Estimate:
        """Measure.

        Args:
            model: the model to sample.
            x: reference data in model space, shape (B, *event), B >= 20.
            generator: the source of samples.

        Raises:
            DataError: data or samples without a density.
        """
        generator = needs_generator(generator, _WHERE)
        x = points(x, model.process.shape, _WHERE, least=_PARTS)
        with torch.no_grad():
            compared = self.sizes.draw(model, x, generator)
            drawn, x = compared.drawn, compared.references
            values, error = kernel_divergence(self._first(x), self._first(drawn.x))
            details: dict[str, Any] = dict(compared.sizes)
            pair = samples_of_one_law(model, x, len(x), len(drawn.x), generator)
            if pair is not None and min(map(len, pair)) >= _PARTS:
                floor, _ = kernel_divergence(*map(self._first, pair))
                details |= {"floor": float(floor.mean()), "floor_samples": len(pair[1])}
        return drawn.qualified(Estimate(_WHERE, float(values.mean()), error, "approximate", "nats", values, details))

    def _first(self, x: Tensor) -> Tensor:
        return flat(x)[:, : self.coordinates].double()
