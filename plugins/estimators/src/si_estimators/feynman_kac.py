"""The log-likelihood of a model's SDE in the Feynman-Kac form, for reference.

    ``rho_F(1, x) = E[rho0(Y_0) exp(-int div b_F dt)]``,    Y run backward from x with the drift ``b_F = b + epsilon s``
    ``rho_B(0, x) = E[rho1(Y_1) exp(+int div b_B dt)]``,    Y run forward from x with the drift ``b_B = b - epsilon s``

(arXiv 2303.08797, section 2). Correct, but its weights scatter even for exact fields, and often hugely; the Girsanov
form of ``sde-log-likelihood`` is the one to use.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from si_core import Largest
from si_estimators.density_ends import Direction, Unit
from si_estimators.off_support import OffSupportChoice
from si_estimators.path_density import PathDensity, PathDensityEstimator

__all__ = ["FeynmanKac"]

_WHERE = "feynman-kac"


class FeynmanKac(PathDensityEstimator):
    """A lower bound of the mean log-density of points under the generative SDE, by the Feynman-Kac formula.

    ``log w = log rho0(Y_0) - int div b_F dt`` with Y run backward from x with the *forward* drift
    ``b_F = b + epsilon s``; ``rho_F(1, x) = E w`` (arXiv 2303.08797, section 2), exact in the limit of many steps.
    The value is the mean of ``log w``: a *lower* bound by Jensen's inequality, which stays loose for exact fields. With
    points of the source (the twin) ``log w = log rho1(Y_1) + int div b_B dt`` along ``b_B = b - epsilon s``. The
    standard error is that over the points, with the noise of the paths in it. The details are those of
    ``sde-log-likelihood``: the log-mean-exp with its standard error, the mean effective sample size and the variance of
    ``log w``. With Hutchinson's divergence the noise of the probes stands in the exponent: the bound holds as it is,
    the log-mean-exp is too large by about half the variance of the probes.

    Args:
        direction: ``target`` for points of the target under the forward SDE; ``source`` for points of the source under
            the backward SDE.
        epsilon: the noise level of the SDE; None for the model's own.
        steps: equal steps in the clock of sampling.
        paths: for each point.
        divergence: ``exact``, or ``hutchinson``, with fresh probes at every step.
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
        density = PathDensity(
            _WHERE, "feynman-kac", direction, epsilon, steps, paths, divergence, probes, noise, unit, batch, off_support
        )
        super().__init__(density)
