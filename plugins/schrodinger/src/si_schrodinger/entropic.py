"""Pairs of the entropic optimal transport plan, the coupling of a Schrödinger bridge.

Among all couplings of rho0 and rho1 the plan

    min_nu  E |x0 - x1|^2 / 2 + 2 eps KL(nu | rho0 x rho1)

is the joint law of the ends of the Schrödinger bridge with reference ``dX = sqrt(2 eps) dW`` (Léonard, arXiv
1308.0215). With it, the linear interpolant and ``gamma = sqrt(2 eps t(1-t))`` the law of x_t is that of the bridge, and
the forward drift at this eps is its drift.
"""

from __future__ import annotations

import math
from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor

from si_core import Largest, UsageError
from si_distributions.options import positive, whole
from si_distributions.randomness import uniform
from si_schrodinger.condition_costs import ConditionWeight
from si_schrodinger.costs import half_squared_distances
from si_schrodinger.sinkhorn import sinkhorn
from si_schrodinger.within_batch import Match, WithinBatch

__all__ = ["Entropic"]

_SOME = math.log(0.1)
"""The logarithm of the mass above which a plan is known to the tolerance."""

_NEARER = 8
"""How often an unbalanced plan is made of ends that were moved together."""

_WHERE = "coupling entropic"


class Entropic(WithinBatch):
    """Pairs drawn from the entropic plan P between the draws of a batch: x1_j with x0_i by P_ij / sum_i P_ij.

    The plan is that of the batch, with the bias that :mod:`si_schrodinger.within_batch` tells of: between Gaussians in
    the plane pairs lack 2/n to 5/n of the cross-covariance, n the size of the batch or pool, more for small epsilon.
    Time is that of some tens to hundreds of products of an n x n matrix with vectors, and memory some 8 n^2 bytes.

    Args:
        epsilon: of the reference noise, in units of x^2 per unit of time; the regularisation is 2 epsilon.
        tolerance: the L1 error of the plan's marginals that is allowed.
        iterations: the most iterations of Sinkhorn's method.
        unbalanced: the weight tau of KL-relaxed marginals, in units of x^2, for unequal mass and laws with outliers.
            None holds the marginals. Otherwise the plan also minimises ``tau KL(nu_0 | rho0) + tau KL(nu_1 | rho1)``;
            pairs have weights, of mean 1, by which their law is the plan's, so that the process goes from a reweighted
            source to a reweighted target. Sampling starts from the source as it is, all of which is carried on: its
            samples have the reweighted target's law as far as the plan left the source as it was. Classes stay as
            frequent as they are where pairs are within classes.
        hold_target: of an unbalanced plan, leave the target as it is: pairs have no weights, x1 is paired as the plan
            has it, and only the source is reweighted.
        pool: the plan is that of at least this many draws of each end, not only of the batch.
        within_classes: pair labelled targets class by class, so that x0 stays independent of the class; a model of
            classes then learns the bridge to each class. Else it is the bridge to the whole target.
        condition_weight: what it costs, in units of x^2, to pair states that were dealt other conditions: of labels
            that differ, and of values times half their squared distance in units of their scale; one for all, or by
            name. The larger, the less does x0 tell of the condition (:mod:`si_schrodinger.within_batch`).

    Raises:
        UsageError: options out of range.
        NumericsError: at a draw: the plan's marginals did not reach the tolerance.
    """

    def __init__(
        self,
        epsilon: Annotated[float, Field(gt=0)],
        tolerance: Annotated[float, Field(gt=0)] = 1e-4,
        iterations: Annotated[int, Field(ge=1, le=Largest.STEPS)] = 10_000,
        unbalanced: Annotated[float, Field(gt=0)] | None = None,
        hold_target: bool = False,
        pool: Annotated[int, Field(ge=1, le=Largest.PAIRWISE)] | None = None,
        within_classes: bool = True,
        condition_weight: ConditionWeight | None = None,
    ) -> None:
        super().__init__(pool, within_classes, _WHERE, condition_weight)
        self.epsilon = positive(epsilon, "epsilon", _WHERE)
        self._tolerance = positive(tolerance, "tolerance", _WHERE)
        self._iterations = whole(iterations, "iterations", _WHERE, 1)
        self._unbalanced = None if unbalanced is None else positive(unbalanced, "unbalanced", _WHERE)
        self._hold_target = hold_target
        if hold_target and unbalanced is None:
            fix = "unbalanced: a number, or no hold_target"
            raise UsageError("a balanced plan holds both ends", where=f"{_WHERE}: hold_target", got="true", fix=fix)

    @property
    def weighted(self) -> bool:
        """Whether pairs have weights: those of an unbalanced plan."""
        return self._unbalanced is not None and not self._hold_target

    def matched(self, x0: Tensor, x1: Tensor, generator: torch.Generator | None, beside: Tensor | None = None) -> Match:
        """Draws of i given j, by the inverse of each conditional distribution function, and the mass of each j."""
        cost = half_squared_distances(x1, x0)
        log_plan = self._log_plan(cost if beside is None else cost + beside.to(cost.device))
        cumulative = log_plan.softmax(1).cumsum(1)
        u = uniform((len(x1),), torch.float64, generator).to(x0.device)
        found = torch.searchsorted(cumulative, (u * cumulative[:, -1])[:, None], right=True)
        mass = log_plan.logsumexp(1).exp() if self.weighted else None
        return Match(found[:, 0].clamp(max=len(x0) - 1), mass)

    def _log_plan(self, cost: Tensor) -> Tensor:
        """The plan's logarithm, (x1, x0), up to a number added where it is unbalanced.

        A cost that is lower by c everywhere makes an unbalanced plan larger by ``c / (2 epsilon + 2 tau)`` in the
        logarithm, and changes nothing else. So ends that are far apart, whose plan would have less mass than the
        tolerance, or none in double precision, are moved together until it has some.
        """
        tau = self._unbalanced
        for _ in range(1 if tau is None else _NEARER):
            found = sinkhorn(
                cost,
                2 * self.epsilon,
                tolerance=self._tolerance,
                iterations=self._iterations,
                relaxation=tau,
            ).log_plan
            log_mass = float(found.logsumexp((0, 1)))
            if tau is None or log_mass > _SOME:
                break
            cost = cost + (2 * self.epsilon + 2 * tau) * log_mass
        return found
