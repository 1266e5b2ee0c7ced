"""The log-likelihood of a model's SDE, by Girsanov's weights of paths run the other way.

    ``rho_F(1, x) = E exp(log w)``,    ``E log w <= log rho_F(1, x)``

(arXiv 2303.08797, section 2); the formulas of ``log w`` stand in :mod:`si_estimators.path_weights`.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from si_core import Largest
from si_estimators.density_ends import Direction, Unit
from si_estimators.off_support import OffSupportChoice
from si_estimators.options import choice
from si_estimators.path_density import PathDensity, PathDensityEstimator

__all__ = ["SDELogLikelihood"]

_WHERE = "sde-log-likelihood"


class SDELogLikelihood(PathDensityEstimator):
    """A lower bound of the mean log-density of points under the generative SDE of a model, in data units.

    Paths run from each point with the model's SDE of the other direction, and carry the weight

    ``log w = log rho0(X_0) - int (div b_F + epsilon |s|^2) dtau - int sqrt(2 epsilon) s.dW``,

    with ``b_F = b + epsilon s`` and tau the reversed time, so that ``rho_F(1, x) = E w`` (Girsanov; arXiv 2303.08797,
    section 2). The value is the mean of ``log w``: a *lower* bound, for each sample and for the mean, which exact
    scores make tight. With points of the source (the twin) paths run forward, and
    ``log w = log rho1(X_1) + int (div b_B - epsilon |s|^2) dt - int sqrt(2 epsilon) s.dW``, ``b_B = b - epsilon s``.

    The standard error is that over the points, with the noise of the paths in it. The details have the mean of the
    log-mean-exp over each point's paths, which lies between the bound and the log-density in expectation and rises to
    it with the number of paths; with its standard error, the mean effective sample size of a point's weights (``paths``
    at best, 1 when one path has all the weight) and the mean variance of a point's ``log w``.

    The form ``transition`` compares the transition densities of the discretised chains themselves: the mean of the
    weights is exactly the density of the model's Euler-Maruyama chain with this many steps (each step's variance the
    mean of those at its ends), for any networks and any number of steps. The form ``ito`` is the formula above with
    divergences and Itô sums, exact in the limit of many steps: unbiased, and a bound, up to an error of first order in
    the step.

    For training by the bound, :func:`si_estimators.path_weights.path_log_weights` can be differentiated.

    Args:
        form: ``transition`` or ``ito``.
        direction: ``target`` for points of the target under the forward SDE; ``source`` for points of the source under
            the backward SDE.
        epsilon: the noise level of the SDE; None for the model's own.
        steps: equal steps in the clock of sampling.
        paths: for each point.
        divergence: of the form ``ito``: ``exact``, or ``hutchinson``, with fresh probes at every step.
        probes: how many random probes Hutchinson's divergence takes; from two on the details have their variance.
        noise: the law of the probes; ``rademacher`` has the least variance.
        unit: of the value: nats, or bits for each dimension.
        batch: how many paths are carried at once.
        off_support: whether points of which a path ends where the other end has no density are a reason to ``refuse``,
            or left out (``drop``): the value is then *approximate*, and the details tell of them.

    Raises:
        UsageError: an option out of range.
    """

    def __init__(
        self,
        form: Literal["transition", "ito"] = "transition",
        direction: Direction = "target",
        epsilon: Annotated[float, Field(gt=0)] | None = None,
        steps: Annotated[int, Field(ge=1, le=Largest.STEPS)] = 100,
        paths: Annotated[int, Field(ge=1, le=Largest.COPIES)] = 16,
        divergence: Literal["exact", "hutchinson"] = "exact",
        probes: Annotated[int, Field(ge=1, le=Largest.COPIES)] = 1,
        noise: Literal["rademacher", "gaussian"] = "rademacher",
        unit: Unit = "nats",
        batch: Annotated[int, Field(ge=1, le=Largest.BATCH)] = 16384,
        off_support: OffSupportChoice = "refuse",
    ) -> None:
        choice(form, ("transition", "ito"), "form", _WHERE)
        density = PathDensity(
            _WHERE, form, direction, epsilon, steps, paths, divergence, probes, noise, unit, batch, off_support
        )
        super().__init__(density)
