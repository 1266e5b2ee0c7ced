"""Entropic optimal transport between two weighted point sets, by Sinkhorn's iteration.

With weights a (n,), b (m,), a cost C (n, m) and a regularisation r > 0 the plan P minimises

    <C, P> + r KL(P | a b^T) + rho KL(P 1 | a) + rho KL(P^T 1 | b),          KL(p | q) = sum p log(p/q) - p + q,

with the marginals held, P 1 = a and P^T 1 = b, in the balanced case, rho = inf. It is

    P_ij = a_i b_j exp((f_i + g_j - C_ij) / r),

with potentials f, g that are updated in turn until the marginals are right. Three things make that fast, and safe at
any r: the iteration is a scaling of a kernel that has absorbed the potentials, over-relaxed and in single precision as
far as that goes (:mod:`~si_schrodinger.scaling`); a small r is approached from the range of the cost by factors of at
most four; and where the iteration is slow, which it is once r is small beside the differences of the cost, Newton's
method goes on (:mod:`~si_schrodinger.newton`).

Sources: Cuturi, arXiv 1306.0895; Peyré and Cuturi, arXiv 1803.00567, section 4; Schmitzer, arXiv 1610.06519 (absorption
and decreasing r); Chizat et al., arXiv 1607.05816 (relaxed marginals); Brauer et al., arXiv 1710.06635 (Newton).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from si_core import NumericsError, UsageError
from si_distributions.options import positive, whole
from si_schrodinger.costs import refuse_not_finite
from si_schrodinger.newton import newton
from si_schrodinger.potentials import Potentials
from si_schrodinger.scaling import scale

__all__ = ["Plan", "sinkhorn"]

_WHERE = "sinkhorn"

_UNRESOLVED = 1e3
"""The rounding of an exponent of the plan at which nothing of the plan is left: potentials of the size of the cost are
rounded to 2^-52 of it, and ``exp`` of that error over r overflows from 709 on."""


@dataclass(frozen=True)
class Plan:
    """A plan between n and m points.

    Args:
        log_plan: log P, (n, m) float64.
        f: the potential of the rows, (n,), in units of the cost; balanced potentials have <a, f> = <b, g>.
        g: the potential of the columns, (m,).
        residual: balanced, the larger of the L1 errors ``|P 1 - a|_1`` and ``|P^T 1 - b|_1``; relaxed, the largest
            ``|change of a potential| / r`` that one more update would make.
        iterations: updates of both potentials, those at larger regularisations included.
    """

    log_plan: Tensor
    f: Tensor
    g: Tensor
    residual: float
    iterations: int


def sinkhorn(
    cost: Tensor,
    regularisation: float,
    *,
    tolerance: float = 1e-6,
    iterations: int = 10_000,
    relaxation: float | None = None,
    weights0: Tensor | None = None,
    weights1: Tensor | None = None,
) -> Plan:
    """The entropic plan between the rows and the columns of a cost.

    Args:
        cost: C, shape (n, m); the calculation is in float64 on its device.
        regularisation: r > 0, in units of the cost.
        tolerance: the residual to reach.
        iterations: the most updates of both potentials.
        relaxation: rho > 0 in units of the cost, the weight of KL-relaxed marginals; None holds the marginals.
        weights0: a, (n,), positive; by default 1/n. Balanced weights must have equal sums.
        weights1: b, (m,), positive; by default 1/m.

    Raises:
        NumericsError: an entry of the cost is not finite, the regularisation is beyond double precision beside it, or
            the residual was not reached.
        UsageError: options out of range, weights that are not positive, of another shape or of unequal sums.
    """
    if cost.ndim != 2 or 0 in cost.shape:
        raise UsageError("the cost must be a matrix", where=_WHERE, got=f"shape {tuple(cost.shape)}", allowed="(n, m)")
    r, tolerance = positive(regularisation, "regularisation", _WHERE), positive(tolerance, "tolerance", _WHERE)
    rho = math.inf if relaxation is None else positive(relaxation, "relaxation", _WHERE)
    whole(iterations, "iterations", _WHERE, 1)
    with torch.no_grad():
        cost = cost.detach().double()
        refuse_not_finite(cost, _WHERE)
        _refuse_unresolved(cost, r)
        log_a, log_b = _log_weights(weights0, cost, 0), _log_weights(weights1, cost, 1)
        if relaxation is None:
            _refuse_unequal(log_a, log_b)
        state = Potentials(cost, log_a, log_b, rho)
        # An error as large as a weight could leave its mass in a group of points from where a smaller regularisation
        # lets none out any more.
        least = float(torch.minimum(log_a.min(), log_b.min()).exp())
        rough = max(tolerance, min(1e-3, 0.1 * least))
        for larger in _decreasing(cost, r):
            _solve(state, larger, rough, iterations)
        _solve(state, r, tolerance, iterations)
        plan = _plan(state)
        if plan.residual > tolerance:
            _solve(state, r, tolerance, iterations, double=True)
            plan = _plan(state)
    if not plan.residual <= tolerance:
        raise NumericsError(
            "Sinkhorn's iteration has not converged",
            where=_WHERE,
            got=f"residual {plan.residual:.3g} after {plan.iterations} iterations at regularisation {r:.3g}",
            allowed=f"a residual <= {tolerance:.3g}",
            fix="a larger epsilon (regularisation), more iterations, or a looser tolerance",
        )
    return plan


def _refuse_unresolved(cost: Tensor, r: float) -> None:
    low, high = (float(each) for each in torch.aminmax(cost))
    if min(cost.shape) > 1 and (high - low) * torch.finfo(cost.dtype).eps > _UNRESOLVED * r:
        least = (high - low) * torch.finfo(cost.dtype).eps / _UNRESOLVED
        raise NumericsError(
            "the regularisation is too small beside the cost for double precision",
            where=_WHERE,
            got=f"costs from {low:.3g} to {high:.3g}, regularisation {r:.3g}",
            allowed=f"a regularisation >= {least:.3g}",
            fix=f"epsilon >= {least / 2:.3g}, or data of unit size",
        )


def _decreasing(cost: Tensor, regularisation: float) -> Iterator[float]:
    """Regularisations from the range of the cost down to before the wanted one, by equal factors of at most four."""
    low, high = torch.aminmax(cost)
    decades = math.log(max(float(high - low) / regularisation, 1.0))
    levels = math.ceil(decades / math.log(4))
    for level in range(levels, 0, -1):
        yield regularisation * math.exp(decades * level / levels)


def _solve(state: Potentials, r: float, tolerance: float, budget: int, double: bool = False) -> None:
    state.at(r)
    while state.updates < budget and scale(state, tolerance, budget, double) > tolerance:
        newton(state, tolerance, budget)


def _plan(state: Potentials) -> Plan:
    log_plan = state.log_plan()
    residual = state.residual(*state.log_marginals(log_plan), state.f, state.g)
    f, g = state.f, state.g
    if state.balanced:
        mass = state.log_a.exp().sum()
        shift = 0.5 * ((state.log_a.exp() * f).sum() - (state.log_b.exp() * g).sum()) / mass
        f, g = f - shift, g + shift
    return Plan(log_plan, f, g, residual, state.updates)


def _log_weights(weights: Tensor | None, cost: Tensor, axis: int) -> Tensor:
    n, where = cost.shape[axis], f"{_WHERE}: weights{axis}"
    if weights is None:
        return cost.new_full((n,), -math.log(n))
    if tuple(weights.shape) != (n,):
        got = f"shape {tuple(weights.shape)}"
        raise UsageError("weights of another shape", where=where, got=got, allowed=f"({n},)")
    found = weights.detach().to(cost)
    if not bool(((found > 0) & torch.isfinite(found)).all()):
        got = f"{float(found.min()):.3g} to {float(found.max()):.3g}"
        raise UsageError("weights must be positive numbers", where=where, got=got, fix="leave out points without any")
    return found.log()


def _refuse_unequal(log_a: Tensor, log_b: Tensor) -> None:
    first, second = float(log_a.exp().sum()), float(log_b.exp().sum())
    if abs(first - second) > 1e-9 * first:
        got = f"sums {first:.10g} and {second:.10g}"
        raise UsageError("balanced weights must have equal sums", where=_WHERE, got=got, fix="or give a relaxation")
