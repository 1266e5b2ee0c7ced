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

from si_core import Distribution, Estimate, Estimator, Model, NumericsError, Transport, UsageError, build
from si_estimators.augmented import AugmentedFlow
from si_estimators.conditions import conditioned_rows
from si_estimators.divergence import draw_probes
from si_estimators.options import choice, needs_generator, points, whole

__all__ = ["LogLikelihood"]

_WHERE = "log-likelihood"


class LogLikelihood(Estimator):
    """The mean log-density of points under the probability-flow ODE of a model, in data units.

    The density is that of the model's ODE over its own span of times, whatever noise it samples with. It is exact up to
    the integrator, which works in the model's clock; with Hutchinson's divergence it is unbiased for each point. In
    bits/dim the value keeps its sign: the figure that is usually reported is its negative.

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

    def __init__(
        self,
        direction: Literal["target", "source"] = "target",
        divergence: Literal["exact", "hutchinson"] = "exact",
        probes: Annotated[int, Field(ge=1)] = 1,
        noise: Literal["rademacher", "gaussian"] = "rademacher",
        method: str = "rk4",
        steps: Annotated[int, Field(ge=1)] | None = 50,
        unit: Literal["nats", "bits/dim"] = "nats",
        batch: Annotated[int, Field(ge=1)] = 4096,
    ) -> None:
        choice(direction, ("target", "source"), "direction", _WHERE)
        choice(divergence, ("exact", "hutchinson"), "divergence", _WHERE)
        choice(noise, ("rademacher", "gaussian"), "noise", _WHERE)
        choice(unit, ("nats", "bits/dim"), "unit", _WHERE)
        self.probes, self.batch = whole(probes, "probes", _WHERE), whole(batch, "batch", _WHERE)
        self.direction, self.divergence, self.noise, self.unit = direction, divergence, noise, unit
        self.method, self.steps = method, steps
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
        process = model.process
        base, end = (process.source, process.target) if self.direction == "target" else (process.target, process.source)
        _refuse_without_density(base, self.direction)
        x = points(x, process.shape, _WHERE)
        with torch.inference_mode(False), torch.no_grad():
            x = x.clone()
            probes = None
            if self.divergence == "hutchinson":
                probes = draw_probes(x, self.probes, self.noise, needs_generator(generator, _WHERE))
            parts, evaluations = [], 0
            for first in range(0, len(x), self.batch):
                rows = slice(first, first + self.batch)
                flow = self._flow(model, rows, len(x), None if probes is None else probes[:, rows])
                solution = self.integrator.solve(flow, flow.initial(x[rows]))
                final, log_volume = flow.split(solution.final)
                _refuse_infinite(solution.final, first, "the path of a point left the finite numbers")
                log_density = base.log_prob(final)
                _refuse_infinite(log_density, first, "a point ends where the density of the other end is 0 or infinite")
                parts.append(log_density + log_volume)
                evaluations = max(evaluations, solution.evaluations)
        values = torch.cat(parts) - end.log_volume
        dimensions = math.prod(process.shape)
        if self.unit == "bits/dim":
            values = values / (dimensions * math.log(2))
        details = {
            "direction": self.direction,
            "method": self.method,
            "evaluations": evaluations,
            "dimensions": dimensions,
        }
        return self.mean(_WHERE, values, "exact" if probes is None else "unbiased", self.unit, details)

    def _flow(self, model: Model, rows: slice, n: int, probes: Tensor | None) -> AugmentedFlow:
        early, late = sorted((model.start, model.stop))
        start, stop = (late, early) if self.direction == "target" else (early, late)
        fields = conditioned_rows(model.fields, rows, n)
        return AugmentedFlow(Transport(fields, 0.0, start, stop, model.clock), model.process.shape, probes)


def _refuse_without_density(base: Distribution, direction: str) -> None:
    if not base.has_density:
        other = "source" if direction == "target" else "target"
        raise UsageError(
            f"the {other} has no density, so the points of the {direction} have none",
            where=_WHERE,
            got=type(base).__name__,
            fix=f"a {other} with a density, such as `gaussian`, or direction: {other}",
        )


def _refuse_infinite(values: Tensor, first: int, problem: str) -> None:
    finite = torch.isfinite(values) if values.ndim == 1 else torch.isfinite(values).all(1)
    if not bool(finite.all()):
        row = first + int((~finite).nonzero()[0])
        raise NumericsError(
            problem,
            where=_WHERE,
            got=f"{int((~finite).sum())} of {len(finite)} points, the first in row {row}",
            fix="more steps, float64 points, or a span such as start=1e-3",
        )
