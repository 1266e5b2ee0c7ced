"""The log-likelihood under the probability-flow ODE.

    ``log rho1(x) = log rho0(X_0) - int_0^1 div b(t, X_t) dt``,   ``dX = b dt`` run backward from ``X_1 = x``

(arXiv 2303.08797, section 2; arXiv 1806.07366). The mirror image, forward from x at t = 0, gives the density of the
source under a model with a density at the target.
"""

from __future__ import annotations

import math
from typing import Annotated, Any, Literal

import torch
from pydantic import Field
from torch import Tensor

from si_core import Estimate, Estimator, Model, Transport, build
from si_estimators.augmented import AugmentedFlow
from si_estimators.conditions import conditioned_rows
from si_estimators.density_ends import (
    DIRECTIONS,
    UNITS,
    Direction,
    Unit,
    density_ends,
    in_unit,
    refuse_non_finite,
    unit_of_nats,
)
from si_estimators.divergence import draw_probes
from si_estimators.options import choice, needs_generator, points, whole

__all__ = ["LogLikelihood", "log_likelihood"]

_WHERE = "log-likelihood"


class LogLikelihood(Estimator):
    """The mean log-density of points under the probability-flow ODE of a model, in data units.

    The density is that of the model's ODE over its own span of times, whatever noise it samples with:

    ``log rho1(x) = log rho0(X_0) - int_0^1 div b(t, X_t) dt``,   ``dX = b dt`` run backward from ``X_1 = x``

    (arXiv 2303.08797, section 2). The value is *exact* up to the integrator, which works in the model's clock; with
    Hutchinson's divergence, ``div b = E[v . J v]`` over random probes v, it is *unbiased* for each point. The standard
    error is that of the mean over the points, with the noise of the probes in it; from two probes on the details say
    how much of it is theirs: ``probe_variance`` of a point's value, and ``probe_error`` of the mean. In bits/dim the
    value keeps its sign: the figure that is usually reported is its negative, the cross-entropy.

    For gradients of the likelihood, in points or in parameters, call the function
    :func:`si_estimators.log_likelihood.log_likelihood`.

    Args:
        direction: ``target`` for points of the target, carried backward to a source with a density; ``source`` for
            points of the source, carried forward to a target with a density.
        divergence: ``exact``, at the price of d backward passes, or ``hutchinson``, at that of ``probes``.
        probes: how many random probes Hutchinson's divergence takes for each point; they stay along its path.
        noise: the law of the probes; ``rademacher`` has the least variance.
        method: the integrator's name, of an ODE.
        steps: the integrator's steps; None for its own choice, such as that of an adaptive method.
        unit: of the value: nats, or bits for each dimension.
        batch: how many points are carried at once.

    Raises:
        UsageError: an option out of range, or no such integrator.
    """

    needs = frozenset({"fields", "densities"})
    quantity = "ode-log-likelihood"

    def __init__(
        self,
        direction: Direction = "target",
        divergence: Literal["exact", "hutchinson"] = "exact",
        probes: Annotated[int, Field(ge=1)] = 1,
        noise: Literal["rademacher", "gaussian"] = "rademacher",
        method: str = "rk4",
        steps: Annotated[int, Field(ge=1)] | None = 50,
        unit: Unit = "nats",
        batch: Annotated[int, Field(ge=1)] = 4096,
    ) -> None:
        choice(direction, DIRECTIONS, "direction", _WHERE)
        choice(divergence, ("exact", "hutchinson"), "divergence", _WHERE)
        choice(noise, ("rademacher", "gaussian"), "noise", _WHERE)
        choice(unit, UNITS, "unit", _WHERE)
        self.probes, self.batch = whole(probes, "probes", _WHERE), whole(batch, "batch", _WHERE)
        self.direction, self.divergence, self.noise, self.unit = direction, divergence, noise, unit
        self.method, self.steps, self.points_of = method, steps, direction
        options: dict[str, Any] = {} if steps is None else {"steps": whole(steps, "steps", _WHERE)}
        self.integrator = build("integrator", method, **options)

    def estimate(self, model: Model, x: Tensor, generator: torch.Generator | None = None) -> Estimate:
        """Measure.

        Args:
            model: the model; fields conditioned on labels have one for each point, or one for all.
            x: points in model space at the end named by ``direction``, shape (B, *event).
            generator: the source of the probes of Hutchinson's divergence.

        Raises:
            UsageError: the other end has no density, or there is no generator for the probes.
            NumericsError: a path or a density that is not finite.
        """
        _, end = density_ends(model.process, self.direction, _WHERE)
        with torch.inference_mode(False), torch.no_grad():
            densities, evaluations = self.log_densities(model, x, generator)
            values = in_unit(densities.mean(1), end, self.unit)
        details = {
            "direction": self.direction,
            "method": self.method,
            "evaluations": evaluations,
            "dimensions": math.prod(model.process.shape),
        }
        if densities.shape[1] > 1:
            variance = float(densities.double().var(1).mean()) / self.probes * unit_of_nats(end, self.unit) ** 2
            details["probe_variance"] = variance
            details["probe_error"] = math.sqrt(variance / len(x))
        return self.mean(_WHERE, values, "exact" if self.divergence == "exact" else "unbiased", self.unit, details)

    def log_densities(self, model: Model, x: Tensor, generator: torch.Generator | None = None) -> tuple[Tensor, int]:
        """``log rho(x)`` in model space and nats, shape (B, 1) or a column for each probe, and the evaluations.

        They can be differentiated where gradient mode is on. Arguments and errors are those of :meth:`estimate`.
        """
        base, _ = density_ends(model.process, self.direction, _WHERE)
        x = points(x, model.process.shape, _WHERE)
        x = x.clone() if x.is_inference() else x
        probes = None
        if self.divergence == "hutchinson":
            probes = draw_probes(x, self.probes, self.noise, needs_generator(generator, _WHERE))
        parts, evaluations = [], 0
        for first in range(0, len(x), self.batch):
            rows = slice(first, first + self.batch)
            flow = self._flow(model, rows, len(x), None if probes is None else probes[:, rows])
            solution = self.integrator.solve(flow, flow.initial(x[rows]))
            finite = torch.isfinite(solution.final).all(1)
            refuse_non_finite(finite, "the path of a point left the finite numbers", _WHERE, first)
            final, log_volume = flow.split(solution.final)
            density = base.log_prob(final)
            problem = "a point ends where the density of the other end is 0 or infinite"
            refuse_non_finite(torch.isfinite(density), problem, _WHERE, first)
            parts.append(density[:, None] + log_volume)
            evaluations = max(evaluations, solution.evaluations)
        return torch.cat(parts), evaluations

    def _flow(self, model: Model, rows: slice, n: int, probes: Tensor | None) -> AugmentedFlow:
        early, late = sorted((model.start, model.stop))
        start, stop = (late, early) if self.direction == "target" else (early, late)
        fields = conditioned_rows(model.fields, rows, n)
        return AugmentedFlow(Transport(fields, 0.0, start, stop, model.clock), model.process.shape, probes)


def log_likelihood(
    model: Model,
    x: Tensor,
    *,
    direction: Direction = "target",
    divergence: Literal["exact", "hutchinson"] = "exact",
    probes: int = 1,
    noise: Literal["rademacher", "gaussian"] = "rademacher",
    method: str = "rk4",
    steps: int | None = 50,
    generator: torch.Generator | None = None,
) -> Tensor:
    """``log rho(x)`` under a model's ODE in model space, in nats, shape (B,).

    It can be differentiated in x and in the fields' parameters, through the steps of the integrator; the gradient is
    that of the number returned, not of the ODE that it approximates.

    Args:
        model: the model.
        x: points in model space at the end named by ``direction``, shape (B, *event).
        direction, divergence, probes, noise, method, steps: as for :class:`LogLikelihood`.
        generator: the source of the probes of Hutchinson's divergence.

    Raises:
        UsageError, NumericsError: as for :meth:`LogLikelihood.estimate`.
    """
    estimator = LogLikelihood(direction, divergence, probes, noise, method, steps, batch=max(1, len(x)))
    return estimator.log_densities(model, x, generator)[0].mean(1)
