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

from si_core import Estimate, Estimator, Largest, Model, NumericsError
from si_estimators.density_ends import DIRECTIONS, Direction
from si_estimators.field_errors import ErrorSampling, FieldErrors, Reference
from si_estimators.options import choice
from si_estimators.quadrature import SpanIntegral

__all__ = ["OptimalEpsilon", "levels_over_time"]

_WHERE = "optimal-epsilon"


class OptimalEpsilon(Estimator):
    """The constant noise level at which the bound ``kl-bound`` is least, and the best level at each time.

    ``epsilon* = sqrt(dL_b/dL_s)``,   ``epsilon*(t) = sqrt(E|db|^2/E|ds|^2)``

    (arXiv 2303.08797, section 2.4), with d the errors of velocity and score and dL their losses above the minimum, in
    time. The bound is least there; the divergence itself need not be. The value, the constant, is *consistent* for the
    minimiser of the bound (its bias is of the order of 1/n), with a standard error by the delta method.

    The level over time stands in the details as two lists of plain numbers of one length: ``t``, rising within (0, 1),
    and ``epsilon``, positive. Between two times it is to be interpolated, and held constant beyond the first and the
    last: so a diffusion made of measured values takes them. Times at which a field has no error are left out.
    ``least_bound`` is the bound at the best constant, ``least_bound_over_time`` that at the best level for each time,
    in nats.

    Where the exact fields are not known (``reference: none``) the residuals ``f_hat - target`` at held-out points take
    the place of the errors: the level is then that at which the looser *upper* bound from them is least, which the
    details say, and the value is *approximate*. What is said of the ends of time for ``kl-bound`` holds here for both
    errors.

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
        n: Annotated[int, Field(ge=2, le=Largest.POINTS)] = 2000,
        times: Annotated[int, Field(ge=2, le=Largest.COPIES)] = 32,
        batch: Annotated[int, Field(ge=1, le=Largest.BATCH)] = 4096,
    ) -> None:
        choice(direction, DIRECTIONS, "direction", _WHERE)
        self.sign = 1.0 if direction == "target" else -1.0
        self.quantity = "optimal-epsilon" if reference != "none" and span is None else ""
        self.sampling = ErrorSampling(_WHERE, reference, span, n, times, batch)

    def check(self, model: Model) -> None:
        """Refuse a model whose exact fields were asked for and are not known."""
        self.sampling.check(model)

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
        errors = self.sampling.errors(model, x, generator)
        rates = errors.of("velocity"), errors.of("score"), self.sign * errors.of("velocity", "score")
        integral = SpanIntegral(errors.nodes, *rates[:2])
        a, b, c = (integral.of(rate) for rate in rates)
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
        times, levels = levels_over_time(errors, integral)
        mean = [rate.mean(1, keepdim=True) for rate in rates]
        details = {
            "t": times,
            "epsilon": levels,
            "least_bound": (math.sqrt(of_velocity * of_score) + both) / 2,
            "least_bound_over_time": float(integral.of(((mean[0] * mean[1]).sqrt() + mean[2]) / 2)),
            "reference": errors.reference,
            "draws": errors.draws,
            **integral.details(),
        }
        bound = integral.claim("consistent" if errors.exact else "approximate")
        return Estimate(_WHERE, value, error, bound, "1", details=details)


def levels_over_time(errors: FieldErrors, integral: SpanIntegral) -> tuple[list[float], list[float]]:
    """The times of the nodes that were integrated over, and ``sqrt(E|db|^2/E|ds|^2)`` at each where both are > 0."""
    velocity, score = (errors.of(name).mean(1) for name in ("velocity", "score"))
    chosen = integral.inside & (velocity > 0) & (score > 0)
    return errors.nodes.t[chosen].tolist(), (velocity[chosen] / score[chosen]).sqrt().tolist()
