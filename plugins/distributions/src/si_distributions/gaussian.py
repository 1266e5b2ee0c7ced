"""The Gaussian ``N(m, C)``; by default the standard normal, the source of most processes."""

from __future__ import annotations

import math
from functools import cached_property
from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor

from si_core import Distribution, Largest, Moments, UsageError
from si_distributions.covariance import cholesky, covariance_matrix, log_normal, log_standard_normal
from si_distributions.options import Precision, event_rows, numbers, precision, whole
from si_distributions.placement import Placed
from si_distributions.randomness import normal

__all__ = ["Gaussian"]

_WHERE = "gaussian"


class Gaussian(Distribution):
    """``N(mean, covariance)``.

    Args:
        dim: the number of dimensions. Where neither it nor a shape is given, that of mean or covariance; where these
            are numbers, the shape of the target for a source in a recipe, else 2 dimensions.
        mean: d numbers, or one number for all dimensions.
        covariance: a number c (meaning c I), d variances, or a d x d matrix.
        shape: an event shape such as [1, 8, 8] in place of dim; mean and covariance are then numbers.
        dtype: of the draws.
        default_shape: the shape where no option says one; a recipe gives a source that of its target.

    Raises:
        UsageError: options that contradict each other, or a covariance that is not positive definite.
    """

    def __init__(
        self,
        dim: Annotated[int, Field(ge=1, le=Largest.DIMENSIONS)] | None = None,
        mean: float | list[float] = 0.0,
        covariance: float | list[float] | list[list[float]] = 1.0,
        shape: list[Annotated[int, Field(ge=1, le=Largest.DIMENSIONS)]] | None = None,
        dtype: Precision = "float32",
        default_shape: tuple[int, ...] | None = None,
    ) -> None:
        self._dtype = precision(dtype, _WHERE)
        centre, spread = numbers(mean, "mean", _WHERE), numbers(covariance, "covariance", _WHERE)
        self.shape = _event_shape(dim, shape, centre, spread, default_shape or (2,))
        size = math.prod(self.shape)
        if size > Largest.DIMENSIONS:
            allowed = f"at most {Largest.DIMENSIONS} numbers"
            raise UsageError("events that are too large", where=f"{_WHERE}: shape", got=self.shape, allowed=allowed)
        if centre.ndim > 1 or (centre.ndim == 1 and centre.shape[0] != size):
            got = f"shape {tuple(centre.shape)}"
            raise UsageError(
                "a mean of another shape", where=f"{_WHERE}: mean", got=got, allowed=f"{size} numbers, or one"
            )
        self.mean = centre.expand(size).clone()
        # Images have too many dimensions for a matrix: a covariance c I stays a number.
        self.variance: float | None = None
        self._factor: Placed | None = None
        if spread.ndim:
            matrix = covariance_matrix(spread, size, "covariance", _WHERE)
            self._factor = Placed(cholesky(matrix, "covariance", _WHERE))
            if torch.equal(matrix, matrix[0, 0] * torch.eye(size, dtype=matrix.dtype)):
                spread, self._factor = matrix[0, 0], None
            self._matrix = matrix
        if self._factor is None:
            self.variance = float(spread)
            if self.variance <= 0:
                raise UsageError(
                    "a variance must be positive",
                    where=f"{_WHERE}: covariance",
                    got=self.variance,
                    allowed="a number > 0",
                )
        self.standard_normal = self.variance == 1.0 and not bool(self.mean.any())
        self._mean = Placed(self.mean)
        # 1/2 log det(2 pi e C)
        log_det = size * math.log(self.variance) if self._factor is None else float(torch.logdet(self._matrix))
        self.entropy = 0.5 * (size * math.log(2 * math.pi * math.e) + log_det)

    @cached_property
    def moments(self) -> Moments:
        centre = float(self.mean.square().mean())
        if self.variance is not None:
            return Moments(centre, self.variance, self.variance, self.mean.reshape(self.shape))
        return Moments(centre, float(self._matrix.diagonal().mean()), float(torch.linalg.eigvalsh(self._matrix)[0]))

    @property
    def weights(self) -> Tensor:
        """The weight 1 of the only component, shape (1,), float64."""
        return torch.ones(1, dtype=torch.float64)

    @property
    def means(self) -> Tensor:
        """The mean, shape (1, d), float64."""
        return self.mean[None]

    @property
    def covariances(self) -> Tensor:
        """The covariance, shape (1, d, d), float64."""
        if self.variance is not None:
            return self.variance * torch.eye(len(self.mean), dtype=torch.float64)[None]
        return self._matrix[None]

    def sample(self, n: int, generator: torch.Generator | None = None) -> Tensor:
        """n draws ``m + L z``, shape (n, *shape)."""
        z = normal((n, len(self.mean)), self._dtype, generator)
        if not self.standard_normal:
            spread = z @ self._factor.like(z).T if self._factor is not None else z * math.sqrt(self.variance or 1.0)
            z = self._mean.like(z) + spread
        return z.reshape(n, *self.shape)

    def log_prob(self, x: Tensor) -> Tensor:
        """``log N(x; m, C)``, shape (B,), in nats."""
        rows = event_rows(x, self.shape, _WHERE)
        if self._factor is not None:
            return log_normal(rows, self._mean.like(rows)[None], self._factor.like(rows)[None])[:, 0]
        scale = math.sqrt(self.variance or 1.0)
        return log_standard_normal((rows - self._mean.like(rows)) / scale) - len(self.mean) * math.log(scale)


def _event_shape(
    dim: int | None, shape: list[int] | None, mean: Tensor, covariance: Tensor, default: tuple[int, ...]
) -> tuple[int, ...]:
    """The event shape that the options agree on; the default where none says anything of it."""
    if shape is not None:
        if dim is not None or not shape:
            raise UsageError(
                "give dim or shape, not both, and a shape with an axis", where=_WHERE, got=f"dim {dim}, shape {shape}"
            )
        sizes = tuple(whole(size, "shape", _WHERE, 1) for size in shape)
        if len(sizes) > 1 and (mean.ndim or covariance.ndim):
            raise UsageError(
                "a Gaussian on a general shape is isotropic",
                where=_WHERE,
                allowed="one number for mean and for covariance",
            )
        return sizes
    if dim is not None:
        return (whole(dim, "dim", _WHERE, 1),)
    for found in (mean, covariance):
        if found.ndim and found.shape[0]:
            return (found.shape[0],)
    return tuple(default)
