"""Sinkhorn's iteration as products of a kernel with vectors, in a form that does not overflow.

The kernel has the potentials so far absorbed, ``K_ij = a_i b_j exp((f_i + g_j - C_ij) / r)``, and the scalings on top
of it are kept as logarithms. With l = rho / (rho + r) an iteration is

    log u = l log(a / K v) - f / (rho + r),      log v = l log(b / K^T u) - g / (rho + r),

which is ``u = a / K v``, ``v = b / K^T u`` where the marginals are held. Scalings that leave ``[1e-30, 1e30]`` are
absorbed, ``f <- f + r log u``; entries that underflow in K are then below 1e-240 of the plan. Where a whole row
underflows, the iterations are made in the log domain instead. Schmitzer, arXiv 1610.06519, section 3.1; Chizat et al.,
arXiv 1607.05816, for relaxed marginals.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from si_schrodinger.potentials import Potentials

__all__ = ["scale"]

_BLOCK = 10
"""Iterations between two looks at the marginals: a look makes an accelerator wait."""

_LARGEST_LOG = 30 * math.log(10.0)


def scale(state: Potentials, tolerance: float, budget: int) -> float:
    """Iterate for as long as the observed rate promises to reach the tolerance soon; returns the residual.

    Soon means within max(50, n/2) iterations, which take about as long as Newton's method does.

    Args:
        state: the potentials, which are changed.
        tolerance: the residual to reach.
        budget: the number of updates in all at which to stop.
    """
    patience = max(50, len(state.f) // 2) / _BLOCK
    residual = state.update()
    kernel = _Kernel(state)
    while residual > tolerance and state.updates < budget:
        steps, last = min(_BLOCK, budget - state.updates), residual
        residual, largest = kernel.iterate(steps)
        if not largest <= _LARGEST_LOG:
            kernel.absorb()
            if not math.isfinite(largest):
                for _ in range(steps):
                    residual = state.update()
            kernel = _Kernel(state)
        if residual * (residual / last) ** patience > tolerance:
            break
    kernel.absorb()
    return residual


class _Kernel:
    """The plan of the absorbed potentials, and scalings of it."""

    def __init__(self, state: Potentials) -> None:
        self._state, self._matrix = state, state.log_plan().exp_()
        self._reset()

    def _reset(self) -> None:
        self._log_u, self._log_v = torch.zeros_like(self._state.f), torch.zeros_like(self._state.g)

    def iterate(self, steps: int) -> tuple[float, float]:
        """Iterate; returns the residual and the largest logarithm of a scaling, which is not finite if it failed.

        Where it failed the scalings are as they were, and no update is counted.
        """
        state, weight = self._state, 1.0 / (self._state.rho + self._state.r)
        log_u, log_v = self._log_u, self._log_v
        for _ in range(steps):
            log_u = state.damping * (state.log_a - self._log_row_sums(log_v)) - weight * state.f
            log_v = state.damping * (state.log_b - self._log_column_sums(log_u)) - weight * state.g
        largest = float(torch.maximum(log_u.abs().max(), log_v.abs().max()))
        if not math.isfinite(largest):
            return math.inf, largest
        state.updates += steps
        self._log_u, self._log_v = log_u, log_v
        rows, columns = log_u + self._log_row_sums(log_v), log_v + self._log_column_sums(log_u)
        return state.residual(rows, columns, state.f + state.r * log_u, state.g + state.r * log_v), largest

    def _log_row_sums(self, log_v: Tensor) -> Tensor:
        return (self._matrix @ log_v.exp()).log()

    def _log_column_sums(self, log_u: Tensor) -> Tensor:
        return (log_u.exp() @ self._matrix).log()

    def absorb(self) -> None:
        """Move the scalings into the potentials."""
        state = self._state
        state.f, state.g = state.f + state.r * self._log_u, state.g + state.r * self._log_v
        self._reset()
