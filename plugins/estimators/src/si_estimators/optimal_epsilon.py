"""The noise level at which the bound on the Kullback-Leibler divergence of the SDE is least.

    ``epsilon* = sqrt(dL_b/dL_s)``            the best constant
    ``epsilon*(t) = sqrt(E|db|^2/E|ds|^2)``   the best at each time

for ``KL <= int 1/(4 epsilon) E|db + epsilon ds|^2 dt`` (arXiv 2303.08797, section 2.4): in
``(A/epsilon + 2 C + epsilon B)/4``, with A, B, C the means of ``|db|^2``, ``|ds|^2`` and ``<db, ds>``, the middle term
does not depend on epsilon. The least values are ``(sqrt(int A int B) + int C)/2`` and ``int (sqrt(A B) + C)/2 dt``.
"""

from __future__ import annotations

import math
from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor

from si_core import Estimate, Estimator, Model, NumericsError
from si_estimators.density_ends import DIRECTIONS, Direction
from si_estimators.field_errors import REFERENCES, Reference, field_errors, known_fields
from si_estimators.options import choice, interval, needs_generator, points, whole
from si_estimators.quadrature import SpanIntegral, SpanNodes

__all__ = ["OptimalEpsilon"]

_WHERE = "optimal-epsilon"


class OptimalEpsilon(Estimator):
    """The constant noise level ``epsilon* = sqrt(dL_b/dL_s)`` at which the bound ``kl-bound`` is least.

    The value is consistent (*unbiased* to leading order) for the minimiser of the bound, with a standard error by the
    delta method. The bound is least there; the divergence itself need not be. The details have ``t`` and ``epsilon``,
    the best level at each time, ``sqrt(E|db|^2/E|ds|^2)`` (null where the score has no error); ``least_bound`` at
    the best constant, and ``least_bound_over_time`` at the best level for each time, in nats.

    Where the exact fields are not known (``reference: none``) the residuals ``f_hat - target`` at held-out points take
    the place of the errors: the level is then that at which the looser *upper* bound from them is least, which the
    details say. What is said of the ends of time for ``kl-bound`` holds here for both errors.

    Args:
        direction: ``target`` for the forward SDE, ``source`` for the backward one; the level is the same for both.
        reference: ``exact`` for the exact fields, ``none`` for held-out residuals; None for exact where known.
        span: times of start and stop; None for those of sampling.
        n: the number of draws of the process, where the exact fields are known.
        times: nodes of Gauss-Legendre quadrature between the ends.
        batch: how many draws are looked at at once.

    Raises:
        UsageError: an option out of range.
    """

    needs = frozenset({"fields"})

    def __init__(
        self,
        direction: Direction = "target",
        reference: Reference | None = None,
        span: tuple[float, float] | None = None,
        n: Annotated[int, Field(ge=2)] = 2000,
        times: Annotated[int, Field(ge=2)] = 32,
        batch: Annotated[int, Field(ge=1)] = 4096,
    ) -> None:
        choice(direction, DIRECTIONS, "direction", _WHERE)
        self.sign = 1.0 if direction == "target" else -1.0
        if reference is not None:
            choice(reference, REFERENCES, "reference", _WHERE)
        self.reference = reference
        self.span = None if span is None else interval(span, "span", _WHERE)
        self.n, self.times = whole(n, "n", _WHERE, 2), whole(times, "times", _WHERE, 2)
        self.batch = whole(batch, "batch", _WHERE)

    def estimate(self, model: Model, x: Tensor, generator: torch.Generator | None = None) -> Estimate:
        """Measure.

        Args:
            model: the model.
            x: points of the target kept from training, shape (B, *event); not used where the exact fields are known.
            generator: the source of the draws.

        Raises:
            UsageError: the model has no score, or exact fields were asked for and are not known.
            NumericsError: the score has no error, so that the bound falls for ever as epsilon grows.
        """
        generator = needs_generator(generator, _WHERE)
        x = points(x, model.process.shape, _WHERE)
        span = self.span or tuple(sorted((model.start, model.stop)))
        nodes = SpanNodes(model.process.clock, span, self.times)
        exact = known_fields(model, self.reference, _WHERE)
        errors = field_errors(model, exact, x, nodes, self.n, generator, self.batch)
        integral = SpanIntegral(nodes, errors.velocity, errors.score)
        a, b, c = (integral.of(part) for part in (errors.velocity, errors.score, self.sign * errors.cross))
        of_velocity, of_score, both = (float(part.mean()) for part in (a, b, c))
        if not of_score > 0:
            raise NumericsError(
                "no level is best: the score has no error, so that the bound falls as epsilon grows",
                where=_WHERE,
                got=f"E|db|^2 = {of_velocity:.3g}, E|ds|^2 = {of_score:.3g}",
            )
        value = math.sqrt(of_velocity / of_score)
        scatter = a / of_velocity - b / of_score if of_velocity > 0 else torch.zeros_like(a)
        error = value / 2 * float(scatter.std()) / math.sqrt(len(a)) if len(a) > 1 else None
        at_time = [part[integral.inside].mean(1) for part in (errors.velocity, errors.score, errors.cross)]
        levels = (at_time[0] / at_time[1]).sqrt().tolist()
        rate = ((errors.velocity.mean(1) * errors.score.mean(1)).sqrt() + self.sign * errors.cross.mean(1)) / 2
        details = {
            "t": nodes.t[integral.inside].tolist(),
            "epsilon": [level if math.isfinite(level) else None for level in levels],
            "least_bound": (math.sqrt(of_velocity * of_score) + both) / 2,
            "least_bound_over_time": float(integral.of(rate[:, None])),
            "reference": "exact fields" if exact is not None else "residuals of the targets, an upper bound of both",
            "draws": errors.draws,
            **integral.details(),
        }
        return Estimate(_WHERE, value, error, "unbiased", "1", details=details)
