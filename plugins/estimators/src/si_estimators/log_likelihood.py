"""The log-likelihood under the probability-flow ODE.

    ``log rho1(x) = log rho0(X_0) - int_0^1 div b(t, X_t) dt``,   ``dX = b dt`` run backward from ``X_1 = x``

(arXiv 2303.08797, section 2; arXiv 1806.07366). The mirror image, forward from x at t = 0, gives the density of the
source under a model with a density at the target.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Annotated, Any, Literal, get_args

import torch
from pydantic import Field
from torch import Tensor

from si_core import Estimate, Estimator, Fields, Largest, Model, Transport, build
from si_estimators.density_ends import (
    DIRECTIONS,
    UNITS,
    Bound,
    Direction,
    Unit,
    bound_of_span,
    in_unit,
    measured_end,
    refuse_non_finite,
    unit_of_nats,
    value_of_data_law,
)
from si_estimators.divergence import draw_probes
from si_estimators.known_path import can_be_cut
from si_estimators.off_support import OFF_SUPPORT, OffSupport, OffSupportChoice
from si_estimators.options import choice, flat, needs_generator, points, positive, whole
from si_estimators.path_quadrature import quadrature_volume
from si_estimators.start_law import start_law
from si_estimators.volume import VolumeChange, coupled_volume

__all__ = ["LogLikelihood", "Path", "log_likelihood"]

_WHERE = "log-likelihood"

Path = Literal["quadrature", "coupled"]


class LogLikelihood(Estimator):
    """The mean log-density of points under the probability-flow ODE of a model, in data units.

    The density is that of the model's ODE over its own span of times, whatever noise it samples with:

    ``log rho1(x) = log rho0(X_0) - int_0^1 div b(t, X_t) dt``,   ``dX = b dt`` run backward from ``X_1 = x``

    (arXiv 2303.08797, section 2). The value is *exact* up to the integrator, which works in the model's clock, and the
    quadrature, also where the model stops early: it is then that of the ODE's law there. A model that sets out from a
    time s between the ends draws ``x_s`` from the process, and so the density ``rho(s)`` stands in place of rho0, where
    it is known in closed form (Gaussians and their mixtures). Elsewhere the density at the end stands in, and the value
    is *approximate*; so it is where the start is drawn given a condition, and where a denoising step follows. The
    details say why (``approximate``). It is the density of the states that paths arrive in: a method of sampling that
    gives weights has its law only with them. With Hutchinson's divergence, ``div b = E[v . J v]`` over random probes v,
    it is *unbiased* for each point. In bits/dim the value keeps its sign: the figure that is usually reported is its
    negative, the cross-entropy.

    Where the entropy H of the points' law is known, ``-H`` stands beside the value (``value_of_data_law``):
    ``E log rho_hat(x) <= -H`` for every model.

    The integral is taken along the path that was solved first, by nested rules whose nodes are doubled for each point
    until the estimated error is below the tolerance (:mod:`si_estimators.path_quadrature`), or solved together with the
    path, with a divergence at each evaluation of the drift. The first is several times faster where a divergence is
    dear, and knows its error: the details have its root mean square over the points and the worst, in the unit of the
    value (``quadrature_error``, ``worst_quadrature_error``), and the number of divergences of a point, on average and
    at most. The second has the accuracy of the integrator, also for a divergence that is not smooth. It is taken for
    methods that choose their steps or use those before, which would lose by stops on the way; ``path`` among the
    details says which was.

    The standard error is that of the mean over the points, with the noise of the probes and the mean error of the
    quadrature in it; from two probes on the details say how much of it is theirs: ``probe_variance`` of a point's
    value, and ``probe_error`` of the mean.

    A source of compact support has no density where some paths may end. Their points have the log-density minus
    infinity, and so has the mean: they are refused, with their number, rows and distances, or with ``off_support:
    drop`` left out. The value is then the mean over the others, an *upper* bound of the mean over all; the details tell
    of those left out (``off_support``).

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
        path: the integral of the divergence as a ``quadrature`` along the path, or ``coupled`` to it in one ODE.
        tolerance: the quadrature's error for a point, in nats; what is left of it with 257 nodes is in the details.
        off_support: whether points whose paths end where the other end has no density are a reason to ``refuse``, or
            left out (``drop``).

    Raises:
        UsageError: an option out of range, or no such integrator.
    """

    needs = frozenset({"fields", "densities"})
    quantity = "ode-log-likelihood"

    def __init__(
        self,
        direction: Direction = "target",
        divergence: Literal["exact", "hutchinson"] = "exact",
        probes: Annotated[int, Field(ge=1, le=Largest.COPIES)] = 1,
        noise: Literal["rademacher", "gaussian"] = "rademacher",
        method: str = "si-integrators/rk4",
        steps: Annotated[int, Field(ge=1, le=Largest.STEPS)] | None = 50,
        unit: Unit = "nats",
        batch: Annotated[int, Field(ge=1, le=Largest.BATCH)] = 4096,
        path: Path = "quadrature",
        tolerance: Annotated[float, Field(gt=0)] = 1e-2,
        off_support: OffSupportChoice = "refuse",
    ) -> None:
        self.off_support = choice(off_support, OFF_SUPPORT, "off_support", _WHERE)
        choice(direction, DIRECTIONS, "direction", _WHERE)
        choice(divergence, ("exact", "hutchinson"), "divergence", _WHERE)
        choice(noise, ("rademacher", "gaussian"), "noise", _WHERE)
        choice(unit, UNITS, "unit", _WHERE)
        self.probes, self.batch = whole(probes, "probes", _WHERE), whole(batch, "batch", _WHERE)
        self.direction, self.divergence, self.noise, self.unit = direction, divergence, noise, unit
        self.path: Path = choice(path, get_args(Path), "path", _WHERE)  # type: ignore[assignment]
        self.tolerance = positive(tolerance, "tolerance", _WHERE)
        self.method, self.steps, self.points_of = method, steps, direction
        options: dict[str, Any] = {} if steps is None else {"steps": whole(steps, "steps", _WHERE)}
        self.integrator = build("integrator", method, **options)

    def check(self, model: Model) -> None:
        """Refuse a model whose other end has no density."""
        start_law(model, self.direction, _WHERE)

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
        end, start = measured_end(model.process, self.direction), start_law(model, self.direction, _WHERE)
        with torch.inference_mode(False), torch.no_grad():
            densities, changes, off = self.log_densities(model, x, generator)
            values = in_unit(densities.mean(1), x, end, self.unit)
        kept = ~torch.isneginf(values)
        counts, scale = torch.cat([change.divergences for change in changes]), unit_of_nats(end, self.unit)
        details = {
            "direction": self.direction,
            "method": self.method,
            "path": "coupled" if changes[0].error is None else "quadrature",
            "evaluations": max(change.evaluations for change in changes),
            "divergences": float(counts.double().mean()),
            "most_divergences": int(counts.max()),
            "dimensions": math.prod(model.process.shape),
            **value_of_data_law(model, self.direction, self.unit),
            **off.details(len(x)),
        }
        densities = densities[kept]
        if densities.shape[1] > 1:
            variance = float(densities.double().var(1).mean()) / self.probes * scale**2
            details["probe_variance"] = variance
            details["probe_error"] = math.sqrt(variance / len(densities))
        of_ode: Bound = "exact" if self.divergence == "exact" else "unbiased"
        # With a point of log-density minus infinity, any number is above the mean.
        claim: Bound = of_ode if bool(kept.all()) else "upper"
        bound, reservation = bound_of_span(model, self.direction, start, claim, epsilon=0.0)
        details |= reservation
        found = replace(self.mean(_WHERE, values[kept], bound, self.unit, details), per_sample=values)
        errors = [change.error for change in changes if change.error is not None]
        if not errors:
            return found
        error = torch.cat(errors)[kept] * scale
        details["quadrature_error"] = float(error.square().mean().sqrt())
        details["worst_quadrature_error"] = float(error.max())
        if found.standard_error is None:
            return found
        # Errors of one rule may have one sign, so they don't average out.
        return replace(found, standard_error=math.hypot(found.standard_error, float(error.mean())))

    def log_densities(
        self, model: Model, x: Tensor, generator: torch.Generator | None = None
    ) -> tuple[Tensor, list[VolumeChange], OffSupport]:
        """``log rho(x)`` in model space and nats, shape (B, 1) or a column for each probe, with the flow of each batch.

        With them what is known of points whose paths end off the support, where they are not refused; theirs is minus
        infinity.

        They can be differentiated where gradient mode is on. Arguments and errors are those of :meth:`estimate`.
        """
        start = start_law(model, self.direction, _WHERE)
        off = OffSupport(start, _WHERE)
        x = points(x, model.process.shape, _WHERE)
        model.fields.check_conditions(len(x))
        x = x.clone() if x.is_inference() else x
        probes = None
        if self.divergence == "hutchinson":
            probes = draw_probes(x, self.probes, self.noise, needs_generator(generator, _WHERE))
        densities, changes = [], []
        for first in range(0, len(x), self.batch):
            rows = slice(first, first + self.batch)
            fields, own = model.fields.of_rows(rows), None if probes is None else probes[:, rows]
            change = self._carried(self._transport(model, fields), x[rows], own)
            finite = torch.isfinite(flat(change.final)).all(1) & torch.isfinite(change.log_volume).all(1)
            refuse_non_finite(finite, "the path of a point left the finite numbers", _WHERE, first)
            density = start.log_prob(change.final)
            problem = "a point ends where the density of the other end is no number, or infinite"
            refuse_non_finite(torch.isfinite(density) | torch.isneginf(density), problem, _WHERE, first)
            off.look(density.detach(), change.final.detach(), torch.arange(len(x))[rows].to(density.device))
            densities.append(density[:, None] + change.log_volume)
            changes.append(change)
        if self.off_support == "refuse" or len(off.rows) == len(x):
            off.refuse(len(x))
        return torch.cat(densities), changes, off

    def _transport(self, model: Model, fields: Fields) -> Transport:
        early, late = sorted((model.start, model.stop))
        start, stop = (late, early) if self.direction == "target" else (early, late)
        return Transport(fields, 0.0, start, stop, model.clock, model.freeze)

    def _carried(self, transport: Transport, x: Tensor, probes: Tensor | None) -> VolumeChange:
        if self.path == "quadrature" and self.steps is not None and can_be_cut(self.integrator, self.steps):
            return quadrature_volume(transport, x, self.integrator, self.steps, probes, self.tolerance)
        return coupled_volume(transport, x, self.integrator, probes)


def log_likelihood(
    model: Model,
    x: Tensor,
    *,
    direction: Direction = "target",
    divergence: Literal["exact", "hutchinson"] = "exact",
    probes: int = 1,
    noise: Literal["rademacher", "gaussian"] = "rademacher",
    method: str = "si-integrators/rk4",
    steps: int | None = 50,
    path: Path = "quadrature",
    tolerance: float = 1e-2,
    generator: torch.Generator | None = None,
) -> Tensor:
    """``log rho(x)`` under a model's ODE in model space, in nats, shape (B,).

    It can be differentiated in x and in the fields' parameters, through the steps of the integrator; the gradient is
    that of the number returned, not of the ODE that it approximates.

    Args:
        model: the model.
        x: points in model space at the end named by ``direction``, shape (B, *event).
        direction, divergence, probes, noise, method, steps, path, tolerance: as for :class:`LogLikelihood`.
        generator: the source of the probes of Hutchinson's divergence.

    Raises:
        UsageError, NumericsError: as for :meth:`LogLikelihood.estimate`.
    """
    estimator = LogLikelihood(
        direction, divergence, probes, noise, method, steps, batch=max(1, len(x)), path=path, tolerance=tolerance
    )
    return estimator.log_densities(model, x, generator)[0].mean(1)
