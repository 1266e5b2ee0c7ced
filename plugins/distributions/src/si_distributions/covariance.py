"""Covariances as users write them, and the normal density.

A covariance C (d, d) is written as a number c (meaning c I), a diagonal, or a matrix. With the Cholesky factor
``C = L L^T`` and ``z = L^-1 (x - m)``: ``log N(x; m, C) = log N(z; 0, I) - log det L``.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from si_core import UsageError
from si_distributions.options import numbers

__all__ = ["cholesky", "covariance_matrix", "log_normal", "log_standard_normal"]

_ASYMMETRY = 1e-6


def covariance_matrix(value: Any, dim: int, name: str, where: str, diagonal: bool = True) -> Tensor:
    """The matrix (d, d), float64, symmetric, of a covariance written as a number, a diagonal or a matrix.

    Raises:
        UsageError: another shape, or a matrix that is not symmetric.
    """
    found = numbers(value, name, where)
    if found.ndim == 0:
        return torch.eye(dim, dtype=torch.float64) * found
    if diagonal and found.shape == (dim,):
        return torch.diag(found)
    if found.shape != (dim, dim):
        allowed = f"a number, {f'{dim} variances ' if diagonal else ''}or a {dim} x {dim} matrix"
        raise UsageError(
            "a covariance of another shape",
            where=f"{where}: {name}",
            got=f"shape {tuple(found.shape)}",
            allowed=allowed,
        )
    asymmetry = float((found - found.T).abs().max())
    if asymmetry > _ASYMMETRY * float(found.abs().max()):
        raise UsageError(
            "a covariance must be symmetric", where=f"{where}: {name}", got=f"entries that differ by {asymmetry:.3g}"
        )
    return (found + found.T) / 2


def cholesky(covariance: Tensor, name: str, where: str) -> Tensor:
    """The factor L (d, d) of a positive definite matrix.

    Raises:
        UsageError: a matrix that is not positive definite.
    """
    factor, failed = torch.linalg.cholesky_ex(covariance)
    if bool(failed):
        least = float(torch.linalg.eigvalsh(covariance)[0])
        raise UsageError(
            "a covariance must be positive definite",
            where=f"{where}: {name}",
            got=f"smallest eigenvalue {least:.3g}",
            allowed="eigenvalues > 0",
        )
    return factor


def log_standard_normal(z: Tensor) -> Tensor:
    """``log N(z; 0, I)`` over the last axis, in nats."""
    return -0.5 * z.square().sum(-1) - 0.5 * z.shape[-1] * math.log(2 * math.pi)


def log_normal(x: Tensor, means: Tensor, factors: Tensor) -> Tensor:
    """``log N(x_b; m_k, L_k L_k^T)``, shape (B, k), in nats.

    Args:
        x: points, shape (B, d).
        means: shape (k, d).
        factors: Cholesky factors, shape (k, d, d).
    """
    offset = x - means[:, None]
    z = torch.linalg.solve_triangular(factors, offset.mT, upper=False).mT
    log_det = factors.diagonal(dim1=-2, dim2=-1).log().sum(-1)
    return (log_standard_normal(z) - log_det[:, None]).T
