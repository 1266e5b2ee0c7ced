"""Two Gaussians with a given cross-covariance: a coupling whose process has closed forms.

The joint law of source N(m0, C0) and target N(m1, C1) with ``Cov(x0, x1) = X`` is Gaussian with the covariance
``[[C0, X], [X^T, C1]]``. Pairs are drawn as ``x1 ~ N(m1, C1)`` and

    x0 = m0 + X C1^-1 (x1 - m1) + S^(1/2) z,      S = C0 - X C1^-1 X^T,

so the joint law exists exactly when the Schur complement S is positive semi-definite.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from si_core import Coupling, Distribution, Pairs, UsageError
from si_distributions.gaussian import Gaussian
from si_distributions.options import numbers
from si_distributions.randomness import normal

__all__ = ["CorrelatedGaussians"]

_WHERE = "coupling correlated"
_ROUNDING = 1e-9


class CorrelatedGaussians(Coupling):
    """The joint Gaussian law of two Gaussians with ``Cov(x0, x1) = cross``.

    Args:
        cross: a number c (meaning c I) or a d x d matrix, rows by x0 and columns by x1.

    Raises:
        UsageError: ends that are no Gaussians of one dimension, or a cross-covariance that no joint law has.
    """

    def __init__(self, cross: float | list[list[float]]) -> None:
        self._cross = numbers(cross, "cross", _WHERE)
        square = self._cross.ndim == 2 and self._cross.shape[0] == self._cross.shape[1]
        if self._cross.ndim and not square:
            got = f"shape {tuple(self._cross.shape)}"
            raise UsageError("cross of another shape", where=_WHERE, got=got, allowed="a number or a d x d matrix")
        self._solved: tuple[Distribution, Distribution, Tensor, Tensor] | None = None

    def cross_covariance(self, dim: int) -> Tensor:
        """``Cov(x0, x1)``, shape (d, d), float64."""
        if self._cross.ndim == 0:
            return self._cross * torch.eye(dim, dtype=torch.float64)
        if len(self._cross) != dim:
            got = f"{len(self._cross)} x {len(self._cross)}"
            raise UsageError("cross of another size", where=_WHERE, got=got, allowed=f"{dim} x {dim}, as the ends have")
        return self._cross

    def pair(self, x0: Tensor, x1: Tensor, generator: torch.Generator | None = None) -> tuple[Tensor, Tensor]:
        """Not from draws alone: the conditional law of x0 needs the two Gaussians, which :meth:`draw` gets."""
        raise UsageError("pairs are drawn together", where=_WHERE, fix="call draw(source, target, n, generator)")

    def draw(
        self, source: Distribution, target: Distribution, n: int, generator: torch.Generator | None = None
    ) -> Pairs:
        """n pairs of the joint law, each (n, *shape)."""
        gain, root = self._conditional(source, target)
        x1, condition = target.draw(n, generator)
        rows = x1.flatten(1).double()
        z = normal(tuple(rows.shape), torch.float64, generator)
        mean0, mean1, gain, root = (v.to(rows) for v in (source.means[0], target.means[0], gain, root))  # type: ignore[attr-defined]
        x0 = mean0 + (rows - mean1) @ gain.T + z @ root.T
        return Pairs(x0.to(x1.dtype).reshape(x1.shape), x1, condition)

    def _conditional(self, source: Distribution, target: Distribution) -> tuple[Tensor, Tensor]:
        """The gain ``X C1^-1`` and the root of S, computed once for two ends."""
        if self._solved is None or self._solved[0] is not source or self._solved[1] is not target:
            self._solved = (source, target, *self._solve(source, target))
        return self._solved[2], self._solved[3]

    def _solve(self, source: Distribution, target: Distribution) -> tuple[Tensor, Tensor]:
        for end, law in (("source", source), ("target", target)):
            if not isinstance(law, Gaussian):
                raise UsageError(f"the {end} must be a gaussian", where=_WHERE, got=type(law).__name__)
        if source.shape != target.shape:
            raise UsageError("ends of different shapes", where=_WHERE, got=f"{source.shape} and {target.shape}")
        first, second = source.covariances[0], target.covariances[0]  # type: ignore[attr-defined]
        cross = self.cross_covariance(len(first))
        gain = torch.linalg.solve(second, cross.T).T
        schur = first - gain @ cross.T
        values, vectors = torch.linalg.eigh((schur + schur.T) / 2)
        if float(values[0]) < -_ROUNDING * float(first.abs().max()):
            raise UsageError(
                "no joint law has this cross-covariance",
                where=f"{_WHERE}: cross",
                got=f"smallest eigenvalue {float(values[0]):.3g} of C0 - X C1^-1 X^T",
                allowed="eigenvalues >= 0",
                fix="make cross smaller",
            )
        return gain, vectors * values.clamp(min=0).sqrt()

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_solved": None}
