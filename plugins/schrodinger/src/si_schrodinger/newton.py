"""Newton's method for the potentials, where Sinkhorn's iteration is slow.

With g the best for f, the row sums p of the plan P have to meet ``w = a exp(-f / rho)``; with its column sums q

    r d(w - p)/df = -S,      S = diag(p + (r / rho) w) - l P diag(1 / q) P^T,      l = rho / (rho + r),

so that a step is ``S df = r (w - p)``. S is positive semi-definite. Where the marginals are held, the constants are in
its kernel; they change no plan, w - p is orthogonal to them, and a small ridge makes S invertible. Sinkhorn's iteration
replaces S by its diagonal, and needs as many steps as S is badly conditioned. Brauer, Clason, Lorenz and Wirth, arXiv
1710.06635.
"""

from __future__ import annotations

import torch
from torch import Tensor

from si_schrodinger.potentials import Potentials

__all__ = ["newton"]

_HALVINGS = 12
_FIRST_RADIUS = 10.0
_RIDGES = tuple(10.0**-k for k in range(14, 0, -1))


def newton(state: Potentials, tolerance: float, budget: int) -> None:
    """Take steps until the tolerance is reached, ``budget`` updates are made in all, or no step gets nearer.

    A step is halved until the L1 error of the rows shrinks; and it is no longer than a radius, in units of r, that
    grows while steps succeed: mass that has to pass between points that hardly share any makes S nearly singular.

    Args:
        state: the potentials, which are changed.
        tolerance: the residual to reach.
        budget: the number of updates in all at which to stop.
    """
    radius = _FIRST_RADIUS
    state.g = state.best_g(state.f)
    log_plan = state.log_plan()
    while state.updates < budget:
        log_rows, log_columns = torch.logsumexp(log_plan, 1), torch.logsumexp(log_plan, 0)
        if state.residual(log_rows, log_columns, state.f, state.g) <= tolerance:
            return
        start_f, start_g, start_plan, start = state.f, state.g, log_plan, _error(state, log_rows)
        direction = state.r * _direction(state, log_plan.exp(), log_rows.exp(), log_columns.exp(), start)
        length = float(direction.abs().max()) / state.r
        if not 0 < length < float("inf"):
            return
        step, radius = min(1.0, radius / length), 4 * radius
        for _ in range(min(_HALVINGS, budget - state.updates)):
            state.f = start_f + step * direction
            state.g = state.best_g(state.f)
            state.updates += 1
            log_plan = state.log_plan()
            error = _error(state, torch.logsumexp(log_plan, 1))
            if float(error.abs().sum()) <= (1 - 0.1 * step) * float(start.abs().sum()):
                break
            state.f, state.g, log_plan = start_f, start_g, start_plan
            step /= 2
            radius = step * length
        else:
            return


def _error(state: Potentials, log_rows: Tensor) -> Tensor:
    """Wanted less present row sums, (n,)."""
    return (state.log_a - state.f / state.rho).exp() - log_rows.exp()


def _direction(state: Potentials, plan: Tensor, rows: Tensor, columns: Tensor, error: Tensor) -> Tensor:
    """The solution of ``S d = error``, (n,); NaN where rows or columns have no mass in double precision."""
    matrix = (plan * (-state.damping / columns)) @ plan.T
    matrix.diagonal().add_(rows + (state.r / state.rho) * (rows + error))
    for ridge in _RIDGES:
        factor, failed = torch.linalg.cholesky_ex(matrix + torch.diag(ridge * rows))
        if not int(failed):
            return torch.cholesky_solve(error[:, None], factor)[:, 0]
    return torch.full_like(error, torch.nan)
