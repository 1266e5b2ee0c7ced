"""Kernel density estimates with Scott's rule, kept in parts so that a part can be left out.

    ``p_h(x) = 1/n sum_j N(x; x_j, h^2 C)``,    ``h = n^(-1/(d+4))``,    C the covariance of the sample

(Scott, *Multivariate Density Estimation*, 1992).
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from si_core import DataError

__all__ = ["KernelDensity", "density_without_parts", "whole_density"]

_BLOCK = 2048
"""Rows of the largest matrix held at once."""
_FLAT = 1e-7
"""The deviation of a coordinate given those before it, relative to its own, below which points lie in a plane."""


class KernelDensity:
    """The density of a sample, in G parts of it.

    Args:
        sample: points, shape (n, d), float64.
        parts: G.
        where: the place that an error names.

    Raises:
        DataError: the points lie in a plane, or are too few, so that they have no density.
    """

    def __init__(self, sample: Tensor, parts: int, where: str) -> None:
        n, d = sample.shape
        covariance = torch.cov(sample.T).reshape(d, d)
        root, failed = torch.linalg.cholesky_ex(covariance)
        # In a plane a pivot is 0 up to rounding: of either sign, so that the factorisation may succeed.
        flat = not bool((root.diagonal() > _FLAT * covariance.diagonal().sqrt()).all())
        if n < max(parts, d + 2) or bool(failed) or flat or not bool(torch.isfinite(root).all()):
            raise DataError(
                "points without a density: they are too few, or lie in a plane",
                where=where,
                got=f"{n} points in {d} dimensions",
                fix="more points, or fewer coordinates",
            )
        self._root, self._centre = root * n ** (-1 / (d + 4)), sample.mean(0)
        self._log_kernel = -0.5 * d * math.log(2 * math.pi) - float(self._root.diagonal().log().sum())
        self._parts = self._whitened(sample).tensor_split(parts)
        self.sizes = torch.tensor([len(part) for part in self._parts], dtype=torch.float64, device=sample.device)

    def _whitened(self, x: Tensor) -> Tensor:
        return torch.linalg.solve_triangular(self._root, (x - self._centre).T, upper=False).T

    def log_sums(self, x: Tensor) -> Tensor:
        """``log sum_j N(x; x_j, h^2 C)`` over each part of the sample, at points x (m, d); shape (m, G)."""
        rows = []
        for points in self._whitened(x).split(_BLOCK):
            exponents = (torch.cdist(points, part).square_().mul_(-0.5) for part in self._parts)
            rows.append(torch.stack([torch.logsumexp(part, 1) for part in exponents], 1))
        return torch.cat(rows) + self._log_kernel


def whole_density(log_sums: Tensor, sizes: Tensor) -> Tensor:
    """``log p_h`` from the sums over parts (m, G), shape (m,)."""
    return torch.logsumexp(log_sums, 1) - sizes.sum().log()


def density_without_parts(log_sums: Tensor, sizes: Tensor) -> Tensor:
    """``log p_h`` without each part in turn, at the bandwidth of the whole, from the sums over parts; shape (m, G)."""
    others = [torch.cat([log_sums[:, :g], log_sums[:, g + 1 :]], 1) for g in range(len(sizes))]
    return torch.stack([torch.logsumexp(part, 1) for part in others], 1) - (sizes.sum() - sizes).log()
