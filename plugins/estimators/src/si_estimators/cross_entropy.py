"""The cross-entropy of data relative to a model, ``-E log rho_hat(x)``, with x from the data.

It is ``KL(rho | rho_hat)`` plus the entropy of the data, which no model changes (arXiv 2303.08797, section 2).
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

import torch
from pydantic import Field
from torch import Tensor

from si_core import Estimate, Estimator, Largest, Model
from si_estimators.density_ends import Bound, Direction, Unit
from si_estimators.log_likelihood import LogLikelihood, Path
from si_estimators.off_support import OffSupportChoice
from si_estimators.options import choice
from si_estimators.sde_log_likelihood import SDELogLikelihood

__all__ = ["CrossEntropy"]

_WHERE = "cross-entropy"
_OF_MINUS: dict[Bound, Bound] = {"lower": "upper", "upper": "lower"}


class CrossEntropy(Estimator):
    """``-E log rho_hat(x)`` over points x of the data, in data units; lower is better.

    It is ``KL(rho | rho_hat)`` plus the entropy of the data, which no model changes (arXiv 2303.08797, section 2);
    where the entropy is known it stands beside the value (``value_of_data_law``).

    The form ``ode`` is *exact* up to the integrator and the quadrature: minus the ``log-likelihood`` under the
    probability-flow ODE (*unbiased* with Hutchinson's divergence).

    The form ``sde`` is an *upper* bound for the generative SDE, ``-E log rho_hat(x) <= -E log w`` by Jensen's
    inequality, with Girsanov's weights ``rho_hat(x) = E w``: minus the bound of ``sde-log-likelihood`` in its form
    ``transition``. Its details have ``importance_weighted``, minus the mean log-mean-exp of the weights: an upper bound
    in expectation, too, and never above the value.

    The standard error is that over the points, with the noise of paths or probes and the error of the quadrature in it.

    Args:
        form: ``ode`` or ``sde``.
        direction: ``target`` for points of the target under the forward model; ``source`` for points of the source
            under the backward model.
        epsilon: of the form ``sde``: the noise level; None for the model's own.
        steps: of RK4 in the form ``ode``, of the chain in the form ``sde``.
        paths: of the form ``sde``, for each point.
        divergence: of the form ``ode``: ``exact``, or ``hutchinson``.
        probes: how many random probes Hutchinson's divergence takes for each point.
        unit: of the value: nats, or bits for each dimension.
        batch: how many points, or paths, are carried at once.
        path: of the form ``ode``: the integral of the divergence as a ``quadrature`` along the path, or ``coupled``.
        tolerance: of the form ``ode``: the quadrature's error for a point, in nats.
        off_support: whether points whose paths end where the other end has no density, which have an infinite
            cross-entropy, are a reason to ``refuse``, or left out (``drop``): the mean of the others is a *lower* bound
            in the form ``ode``, and *approximate* in the form ``sde``.

    Raises:
        UsageError: an option out of range.
    """

    needs = frozenset({"fields", "densities"})

    def __init__(
        self,
        form: Literal["ode", "sde"] = "ode",
        direction: Direction = "target",
        epsilon: Annotated[float, Field(gt=0)] | None = None,
        steps: Annotated[int, Field(ge=1, le=Largest.STEPS)] = 100,
        paths: Annotated[int, Field(ge=1, le=Largest.COPIES)] = 16,
        divergence: Literal["exact", "hutchinson"] = "exact",
        probes: Annotated[int, Field(ge=1, le=Largest.COPIES)] = 1,
        unit: Unit = "nats",
        batch: Annotated[int, Field(ge=1, le=Largest.BATCH)] = 4096,
        path: Path = "quadrature",
        tolerance: Annotated[float, Field(gt=0)] = 1e-2,
        off_support: OffSupportChoice = "refuse",
    ) -> None:
        self.form = choice(form, ("ode", "sde"), "form", _WHERE)
        # Both are made, so that every option is checked whichever form is asked for.
        common: dict[str, Any] = {"unit": unit, "batch": batch, "off_support": off_support}
        ode = LogLikelihood(direction, divergence, probes, steps=steps, path=path, tolerance=tolerance, **common)
        sde = SDELogLikelihood("transition", direction, epsilon, steps, paths, **common)
        self.likelihood: Estimator = ode if form == "ode" else sde
        self.points_of = direction
        self.quantity = f"{form}-cross-entropy" if form == "ode" or epsilon is None else ""

    def check(self, model: Model) -> None:
        """Refuse what the log-likelihood of the form refuses."""
        self.likelihood.check(model)

    def estimate(self, model: Model, x: Tensor, generator: torch.Generator | None = None) -> Estimate:
        """Measure.

        Args:
            model: the model; fields conditioned on labels have one for each point, or one for all.
            x: points of the data in model space at the end named by ``direction``, shape (B, *event).
            generator: the source of noise or probes; the form ``ode`` with exact divergences needs none.

        Raises:
            UsageError: the other end has no density, or the form ``sde`` of a model that samples with an ODE.
            NumericsError: a path or a density that is not finite.
        """
        found = self.likelihood.estimate(model, x, generator)
        details = dict(found.details or {})
        details["form"] = self.form
        if self.form == "sde":
            details["importance_weighted"] = -details.pop("log_mean_exp")
            details["importance_weighted_error"] = details.pop("log_mean_exp_error")
        if "value_of_data_law" in details:
            details["value_of_data_law"] = -details["value_of_data_law"]
        values = None if found.per_sample is None else -found.per_sample
        bound = _OF_MINUS.get(found.bound, found.bound)
        return Estimate(_WHERE, -found.value, found.standard_error, bound, found.unit, values, details)
