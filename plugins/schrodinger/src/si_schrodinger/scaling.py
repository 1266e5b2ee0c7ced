"""Sinkhorn's iteration as products of a kernel with vectors, in a form that does not overflow.

The kernel has the potentials so far absorbed, ``K_ij = a_i b_j exp((f_i + g_j - C_ij) / r)``, and the scalings on top
of it are kept as logarithms. With l = rho / (rho + r) an iteration is

    log u = l log(a / K v) - f / (rho + r),      log v = l log(b / K^T u) - g / (rho + r),

which is ``u = a / K v``, ``v = b / K^T u`` where the marginals are held. Scalings that grow too large are absorbed,
``f <- f + r log u``; entries that underflow in K are then far below what counts in the plan. Where a whole row
underflows, the iterations are made in the log domain instead. Schmitzer, arXiv 1610.06519, section 3.1; Chizat et al.,
arXiv 1607.05816, for relaxed marginals.

Where the iteration is slow, each scaling goes w times as far, 1 < w < 2. If plain iterations reduce the error by a
factor q in the end, the best w is ``2 / (1 + sqrt(1 - q))``, with the factor w - 1; q is seen from the residuals.
Thibault et al., arXiv 1711.01851. Where that once fails to reduce the residual, the iterations go on plain.

An iteration reads the kernel twice and does little else, so it takes half the time in single precision. Each entry is
then wrong by some 1e-6 of itself, and so are the marginals: a residual well above that is as good in either precision.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from si_schrodinger.potentials import Potentials

__all__ = ["Kernel", "scale"]

_BLOCK = 10
"""Iterations between two looks at the marginals: a look makes an accelerator wait."""

_LARGEST_OMEGA, _NEW = 1.95, 0.05
"""The largest over-relaxation, and by how much it must grow for a rate of its own to be expected."""

_LEAST_SINGLE = 2e-5
"""The smallest residual that is looked for in single precision."""

_LEAST_LOG = -30 * math.log(10.0)
"""The logarithm of the smallest entry of a kernel in single precision."""

_MARGIN = 0.9
"""The fraction of the tolerance that is asked for there, as the final look is in double precision."""


def scale(state: Potentials, tolerance: float, budget: int, double: bool = False) -> float:
    """Iterate for as long as the observed rate promises to reach the tolerance soon; returns the residual.

    Soon means within max(50, n/2) iterations, which take about as long as Newton's method does.

    Args:
        state: the potentials, which are changed.
        tolerance: the residual to reach; in single precision, where that is enough for it.
        budget: the number of updates in all at which to stop.
        double: iterate in double precision whatever the tolerance.
    """
    single = not double and tolerance >= _LEAST_SINGLE
    wanted = _MARGIN * tolerance if single else tolerance
    patience = max(50, len(state.f) // 2)
    residual, omega, largest_omega = math.inf, 1.0, _LARGEST_OMEGA
    kernel = Kernel(state, single)
    while residual > wanted and state.updates < budget:
        steps, last = min(_BLOCK, budget - state.updates), residual
        residual, largest = kernel.iterate(steps, omega)
        if not largest <= kernel.largest_log:
            kernel.absorb()
            if not math.isfinite(largest):
                for _ in range(steps):
                    residual = state.update()
            kernel = Kernel(state, single)
        if not math.isfinite(last) or residual <= wanted:
            continue
        rate = (residual / last) ** (1 / steps)
        if rate >= 1:
            if omega == 1:
                break
            omega = largest_omega = 1.0
            continue
        before, omega = omega, min(_best_omega(rate, omega), largest_omega)
        # An omega that is new promises its own rate; otherwise the next block is expected to be as this one.
        expected = rate if omega < before + _NEW else omega - 1
        if residual * expected**patience > wanted:
            break
    kernel.absorb()
    return residual


def _best_omega(rate: float, omega: float) -> float:
    """The best over-relaxation, by the rate q' that was seen with another: ``(q' + w - 1)^2 = w^2 q q'``."""
    if rate <= omega - 1:
        return omega
    plain = (rate + omega - 1) ** 2 / (omega**2 * rate)
    return 2 / (1 + math.sqrt(max(1 - plain, 0.0)))


class Kernel:
    """The plan of the absorbed potentials, and scalings of it.

    Args:
        state: the potentials, which change where scalings are absorbed.
        single: whether the kernel is in single precision.
    """

    def __init__(self, state: Potentials, single: bool = False) -> None:
        self._state = state
        self.largest_log = (6 if single else 30) * math.log(10.0)
        """The logarithm of the largest scaling that keeps what underflows in the kernel negligible in the plan."""
        if single:
            # What is nothing in the plan with any scaling: numbers near underflow are slow, and so is making them.
            entries = state.log_plan().float().clamp_(min=1.01 * _LEAST_LOG).exp_()
            self._matrix = torch.nn.functional.threshold_(entries, math.exp(_LEAST_LOG), 0.0)
        else:
            self._matrix = state.log_plan().exp_()
        self._reset()

    def _reset(self) -> None:
        self._log_u, self._log_v = torch.zeros_like(self._state.f), torch.zeros_like(self._state.g)
        self._log_rows: Tensor | None = None

    def iterate(self, steps: int, omega: float = 1.0) -> tuple[float, float]:
        """Iterate; returns the residual and the largest logarithm of a scaling, which is not finite if it failed.

        All iterations but the last are over-relaxed by omega, as the residual is that of columns that are right.
        Where it failed the scalings are as they were, and no update is counted.
        """
        state, weight = self._state, 1.0 / (self._state.rho + self._state.r)
        of_u = state.damping * state.log_a - weight * state.f
        of_v = state.damping * state.log_b - weight * state.g
        log_u, log_v, log_rows = self._log_u, self._log_v, self._log_rows
        if log_rows is None:
            log_rows = self._log_row_sums(log_v)
        for left in range(steps, 0, -1):
            relaxation = omega if left > 1 else 1.0
            log_u = torch.lerp(log_u, torch.sub(of_u, log_rows, alpha=state.damping), relaxation)
            log_columns = self._log_column_sums(log_u)
            log_v = torch.lerp(log_v, torch.sub(of_v, log_columns, alpha=state.damping), relaxation)
            log_rows = self._log_row_sums(log_v)
        largest = float(torch.maximum(log_u.abs().max(), log_v.abs().max()))
        if not math.isfinite(largest):
            return math.inf, largest
        state.updates += steps
        self._log_u, self._log_v, self._log_rows = log_u, log_v, log_rows
        return state.row_residual(log_u + log_rows, state.f + state.r * log_u), largest

    def _log_row_sums(self, log_v: Tensor) -> Tensor:
        return (self._matrix @ log_v.exp().to(self._matrix)).log().to(log_v)

    def _log_column_sums(self, log_u: Tensor) -> Tensor:
        return (log_u.exp().to(self._matrix) @ self._matrix).log().to(log_u)

    def absorb(self) -> None:
        """Move the scalings into the potentials."""
        state = self._state
        state.f, state.g = state.f + state.r * self._log_u, state.g + state.r * self._log_v
        self._reset()
