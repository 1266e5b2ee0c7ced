"""The potentials of entropic optimal transport, their exact updates, and how far they are from the solution.

With l = rho / (rho + r), which is 1 where the marginals are held (rho = inf), the solution is the fixed point of

    f_i = -l r log sum_j b_j exp((g_j - C_ij) / r),      g_j = -l r log sum_i a_i exp((f_i - C_ij) / r),

and there the plan ``P_ij = a_i b_j exp((f_i + g_j - C_ij) / r)`` has the marginals ``P 1 = a exp(-f / rho)`` and
``P^T 1 = b exp(-g / rho)``. See :mod:`si_schrodinger.sinkhorn`.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

__all__ = ["Potentials"]


class Potentials:
    """f and g of one problem, at a regularisation that may change.

    Args:
        cost: C, (n, m) float64.
        log_a: logarithms of the weights of the rows, (n,).
        log_b: logarithms of the weights of the columns, (m,).
        rho: the weight of relaxed marginals; infinity holds them.
    """

    def __init__(self, cost: Tensor, log_a: Tensor, log_b: Tensor, rho: float) -> None:
        self.cost, self.log_a, self.log_b, self.rho = cost, log_a, log_b, rho
        self.f, self.g = torch.zeros_like(log_a), torch.zeros_like(log_b)
        self.updates = 0
        """How many updates of both potentials were made."""

    @property
    def balanced(self) -> bool:
        """Whether the marginals are held."""
        return math.isinf(self.rho)

    def at(self, r: float) -> None:
        """Go on at a regularisation."""
        self.r, self.damping = r, 1.0 if self.balanced else self.rho / (self.rho + r)

    def best_f(self, g: Tensor) -> Tensor:
        """The exact update of f, (n,)."""
        exponent = torch.add(self.log_b + g / self.r, self.cost, alpha=-1 / self.r)
        return -self.damping * self.r * torch.logsumexp(exponent, 1)

    def best_g(self, f: Tensor) -> Tensor:
        """The exact update of g, (m,)."""
        exponent = torch.add((self.log_a + f / self.r)[:, None], self.cost, alpha=-1 / self.r)
        return -self.damping * self.r * torch.logsumexp(exponent, 0)

    def update(self) -> float:
        """Update f, then g, in the log domain; returns the residual by the rows before it."""
        before, self.f = self.f, self.best_f(self.g)
        self.g = self.best_g(self.f)
        self.updates += 1
        change = (before - self.f) / self.r
        # Where the columns are right, that change of f is the damped log of wanted over present row sums.
        return float((self.log_a.exp() * change.expm1()).abs().sum() if self.balanced else change.abs().max())

    def log_plan(self) -> Tensor:
        """log P, (n, m)."""
        rows, columns = self.log_a + self.f / self.r, self.log_b + self.g / self.r
        return (rows[:, None] + columns).add_(self.cost, alpha=-1 / self.r)

    def log_marginals(self, log_plan: Tensor) -> tuple[Tensor, Tensor]:
        """The logarithms of the sums of a plan's rows and columns."""
        if self.balanced:
            # A plan whose marginals are held has no entry above them, and what underflows is missing from neither.
            plan = log_plan.exp()
            return plan.sum(1).log(), plan.sum(0).log()
        return torch.logsumexp(log_plan, 1), torch.logsumexp(log_plan, 0)

    def residual(self, log_rows: Tensor, log_columns: Tensor, f: Tensor, g: Tensor) -> float:
        """How far potentials are from the solution, by the logarithms of their plan's marginals; infinity, not NaN.

        The larger L1 error of the marginals where they are held, else the largest change in an exact update, over r.
        """
        of_columns = self._off(log_columns, self.log_b, g)
        return _finite(torch.maximum(self._off(log_rows, self.log_a, f), of_columns))

    def row_residual(self, log_rows: Tensor, f: Tensor) -> float:
        """The residual where g is the best for f, so that the columns are right."""
        return _finite(self._off(log_rows, self.log_a, f))

    def _off(self, log_sums: Tensor, log_weights: Tensor, potential: Tensor) -> Tensor:
        if self.balanced:
            return (log_sums.exp() - log_weights.exp()).abs().sum()
        return self.damping * (log_sums - log_weights + potential / self.rho).abs().max()


def _finite(residual: Tensor) -> float:
    found = float(residual)
    return found if math.isfinite(found) else math.inf
