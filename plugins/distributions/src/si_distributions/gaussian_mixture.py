"""Gaussian mixtures ``p = sum_k w_k N(m_k, C_k)``: the densities whose processes have closed forms."""

from __future__ import annotations

import math
from functools import cached_property
from typing import Annotated, Any

import numpy as np
import torch
from pydantic import Field
from torch import Tensor

from si_core import Distribution, Estimate, Moments, UsageError
from si_distributions.covariance import cholesky, covariance_matrix, log_normal
from si_distributions.options import Precision, event_rows, numbers, precision, whole
from si_distributions.placement import Placed
from si_distributions.randomness import normal, uniform

__all__ = ["GaussianMixture"]

_WHERE = "gaussian-mixture"
_SUM_TOLERANCE = 1e-6

Matrix = list[list[float]]


class GaussianMixture(Distribution):
    """``sum_k weight_k N(mean_k, covariance_k)``.

    Args:
        means: k lists of d numbers.
        weights: k positive numbers with sum 1; equal where left out.
        covariances: one for all components, a number c (meaning c I) or a d x d matrix; or a list of k of these.
        dtype: of the draws.

    Attributes:
        weights: shape (k,), float64.
        means: shape (k, d), float64.
        covariances: shape (k, d, d), float64.

    Raises:
        UsageError: shapes that don't fit together, weights that are no weights, or a covariance that is not positive
            definite.
    """

    def __init__(
        self,
        means: list[list[float]],
        weights: list[Annotated[float, Field(gt=0)]] | None = None,
        covariances: float | Matrix | list[float | Matrix] = 1.0,
        dtype: Precision = "float32",
    ) -> None:
        self._dtype = precision(dtype, _WHERE)
        self.means = numbers(means, "means", _WHERE)
        if self.means.ndim != 2 or 0 in self.means.shape:
            got = f"shape {tuple(self.means.shape)}"
            raise UsageError(
                "means of another shape", where=f"{_WHERE}: means", got=got, allowed="k lists of d numbers"
            )
        k, d = self.means.shape
        self.shape = (d,)
        self.weights = _weights(weights, k)
        matrices = [
            covariance_matrix(entry, d, name, _WHERE, diagonal=False) for entry, name in _each(covariances, k, d)
        ]
        self.covariances = torch.stack(matrices)
        factors = [cholesky(matrix, f"covariances[{i}]", _WHERE) for i, matrix in enumerate(matrices)]
        self._means, self._factors = Placed(self.means), Placed(torch.stack(factors))
        self._log_weights, self._cumulative = Placed(self.weights.log()), Placed(self.weights.cumsum(0)[:-1])
        self.standard_normal = not bool(self.means.any()) and bool((self.covariances == torch.eye(d)).all())

    @cached_property
    def moments(self) -> Moments:
        of_modes = Moments.of_points(self.means, self.weights)
        within = float(self.weights @ self.covariances.diagonal(dim1=1, dim2=2).mean(1))
        narrowest = float(torch.linalg.eigvalsh(self.covariances).min())
        return Moments(of_modes.mean_square, of_modes.variance + within, narrowest)

    def sample(self, n: int, generator: torch.Generator | None = None) -> Tensor:
        """n draws ``m_k + L_k z`` with ``k ~ weights``, shape (n, d)."""
        u = uniform((n,), self._dtype, generator)
        component = torch.searchsorted(self._cumulative.like(u), u, right=True)
        z = normal((n, *self.shape), self._dtype, generator)
        means, factors = self._means.like(z), self._factors.like(z)
        # Draws of one component at a time: a matrix for each draw would need n d^2 numbers.
        counts = torch.bincount(component, minlength=len(means)).tolist()
        parts = [mean + part @ factor.T for part, mean, factor in zip(z.split(counts), means, factors, strict=True)]
        x = torch.empty_like(z)
        x[component.argsort(stable=True)] = torch.cat(parts)
        return x

    def log_prob(self, x: Tensor) -> Tensor:
        """``log sum_k w_k N(x; m_k, C_k)``, shape (B,), in nats."""
        rows = event_rows(x, self.shape, _WHERE)
        log_components = log_normal(rows, self._means.like(rows), self._factors.like(rows))
        return torch.logsumexp(self._log_weights.like(rows) + log_components, -1)

    def estimated_entropy(self, n: int = 100_000, generator: torch.Generator | None = None) -> Estimate:
        """``-E log p(x)`` from n >= 2 draws, in nats, with its standard error."""
        whole(n, "n", f"{_WHERE}: entropy", 2)
        surprise = -self.log_prob(self.sample(n, generator)).double()
        error = float(surprise.std()) / math.sqrt(n)
        return Estimate("entropy", float(surprise.mean()), error, "unbiased", "nats", per_sample=surprise)


def _weights(value: Any, k: int) -> Tensor:
    where = f"{_WHERE}: weights"
    if value is None:
        return torch.full((k,), 1 / k, dtype=torch.float64)
    weights = numbers(value, "weights", _WHERE)
    if weights.shape != (k,):
        raise UsageError(
            "one weight for each mean", where=where, got=f"shape {tuple(weights.shape)}", allowed=f"{k} numbers"
        )
    if not bool((weights > 0).all()):
        raise UsageError("weights must be positive", where=where, got=weights.tolist(), allowed="numbers > 0")
    total = float(weights.sum())
    if abs(total - 1) > _SUM_TOLERANCE:
        divided = ", ".join(f"{w:.6g}" for w in (weights / total).tolist()[:8])
        raise UsageError(
            "weights must have the sum 1", where=where, got=f"sum {total:.9g}", fix=f"divide by it: {divided}"
        )
    return weights / total


def _each(value: Any, k: int, d: int) -> list[tuple[Any, str]]:
    """The covariance of each component, as written, with its name."""
    value = value.tolist() if isinstance(value, (Tensor, np.ndarray)) else value
    if not isinstance(value, (list, tuple)) or (len(value) == d and all(_is_row(row, d) for row in value)):
        return [(value, "covariances")] * k
    if len(value) != k:
        where, got = f"{_WHERE}: covariances", f"{len(value)} entries"
        allowed = f"a number, a {d} x {d} matrix, or a list of {k} of these"
        raise UsageError("one covariance, or one for each mean", where=where, got=got, allowed=allowed)
    return [(entry, f"covariances[{i}]") for i, entry in enumerate(value)]


def _is_row(value: Any, d: int) -> bool:
    return isinstance(value, (list, tuple)) and len(value) == d and not any(isinstance(v, (list, tuple)) for v in value)
