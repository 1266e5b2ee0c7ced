"""Upper bounds of the Kullback-Leibler divergence of a generative SDE from the errors of its fields.

For ``dX = (b_hat + epsilon s_hat) dt + sqrt(2 epsilon) dW`` started from the process's own law, with ``d`` the error
of a field and ``dL = int 1/2 E|d|^2 dt`` its loss above the minimum, Girsanov's theorem gives

    ``KL(rho1 | rho1_hat) <= int 1/(4 epsilon) E|db + epsilon ds|^2 dt``                          drift
    ``                    <= dL_b/epsilon + epsilon dL_s``                                        velocity
    ``                    <= dL_v/epsilon + sup_t (gamma gamma_dot - epsilon)^2/epsilon dL_s``    interpolant velocity

the last two by ``|a + c|^2 <= 2|a|^2 + 2|c|^2`` (arXiv 2303.08797, section 2.4; the halves of these constants that
circulate are wrong: two Gaussians violate them). The backward SDE has ``-epsilon`` in place of epsilon in front of ds
and of gamma gamma_dot. An epsilon that depends on t stays within the integrals.
"""

from __future__ import annotations

import math
from typing import Annotated, Any, Literal

import torch
from pydantic import Field
from torch import Tensor

from si_core import Estimate, Estimator, Largest, Model, UniformClock, UsageError
from si_core.public.estimates import Panel
from si_estimators.density_ends import DIRECTIONS, Direction
from si_estimators.field_errors import ErrorSampling, FieldErrors, Reference
from si_estimators.options import choice, positive
from si_estimators.paths import sde_transport
from si_estimators.quadrature import SpanIntegral, SpanNodes

__all__ = ["KLBound", "KLForm", "kl_rate", "noise_levels"]

_WHERE = "kl-bound"
_SUPREMUM_TIMES = 257
_LEVELS, _SPREAD = 17, 10.0

KLForm = Literal["drift", "velocity", "interpolant-velocity"]
_FORMS: tuple[KLForm, ...] = ("drift", "velocity", "interpolant-velocity")


def kl_rate(
    form: KLForm, errors: FieldErrors, epsilon: Tensor, sign: float = 1.0, gamma_gamma_dot: Tensor | float = 0.0
) -> Tensor:
    """The integrand of a bound per unit of time, for each draw, shape (M, n).

    ===================== ============================================================================
    drift                 ``|db + sign epsilon ds|^2/(4 epsilon)``
    velocity              ``|db|^2/(2 epsilon) + epsilon |ds|^2/2``
    interpolant-velocity  ``|dv|^2/(2 epsilon) + (gamma gamma_dot - sign epsilon)^2 |ds|^2/(2 epsilon)``
    ===================== ============================================================================

    Args:
        form: which bound.
        errors: of the fields, (M, n).
        epsilon: noise levels at the nodes, shape (M, 1).
        sign: +1 for the forward SDE, -1 for the backward one.
        gamma_gamma_dot: ``gamma gamma_dot`` at the nodes, shape (M, 1); for the last form.
    """
    of_score = errors.of("score")
    if form == "drift":
        cross = errors.of("velocity", "score")
        return (errors.of("velocity") + 2 * sign * epsilon * cross + epsilon**2 * of_score) / (4 * epsilon)
    if form == "velocity":
        return errors.of("velocity") / (2 * epsilon) + epsilon * of_score / 2
    return (errors.of("interpolant-velocity") + (gamma_gamma_dot - sign * epsilon) ** 2 * of_score) / (2 * epsilon)


def noise_levels(model: Model, nodes: SpanNodes, epsilon: float | None, where: str) -> Tensor:
    """epsilon at the nodes, shape (M, 1): the model's own where it is None.

    Raises:
        UsageError: there is no noise, throughout or at some time.
    """
    transport = sde_transport(model, model.fields, epsilon, where, clock=nodes.clock)
    squares = torch.tensor([transport.noise(u) ** 2 for u in nodes.u.tolist()], dtype=torch.float64)
    levels = squares / (2 * nodes.rate)
    if not bool((levels > 0).all()):
        time = float(nodes.t[levels <= 0][0])
        raise UsageError(
            "the bound is infinite where there is no noise",
            where=f"{where}: epsilon",
            got=f"epsilon = 0 at t = {time:.3g}",
            fix="a noise level that is positive inside (0, 1), or a span without these times",
        )
    return levels[:, None]


class KLBound(Estimator):
    """An *upper* bound of ``KL(rho | rho_hat)`` between the process's law and that of the model's SDE, in nats.

    With the errors ``d`` of the fields along the process, by the option ``form``:

    * ``drift``: ``int 1/(4 epsilon) E|db + epsilon ds|^2 dt``, the least of the three;
    * ``velocity``: ``dL_b/epsilon + epsilon dL_s``;
    * ``interpolant-velocity``: ``dL_v/epsilon + epsilon^-1 int (gamma gamma_dot - epsilon)^2 1/2 E|ds|^2 dt``; with the
      supremum in front of the integral, as the theorem is stated, it is among the details as ``with_supremum`` (null
      where the supremum is infinite).

    ``dL = int 1/2 E|d|^2 dt`` are losses above their minimum, in time (not in the clock of learning); with an epsilon
    that depends on t it stays within the integrals. Where the exact fields are known they are compared with directly,
    and the value is *unbiased* for the bound. Elsewhere (``reference: none``) each dL is replaced by the mean
    ``int 1/2 E|f_hat - target|^2 dt`` of the residuals at held-out points, which is no smaller: an upper bound still,
    and a loose one, for the scatter of the targets is in it.

    The bound holds at the stop of the span for a sampler that starts with the process's law at its start. Where noise
    vanishes at an end, the integrand of learned fields usually grows like 1/u there and the bound over the whole span
    is infinite. Then the last 1 % of the clock at that end is left out; ``span`` among the details is what remains, and
    ``statement`` says so. The value bounds nothing of the law that samples have at the end then, and is *approximate*;
    so it is for a model that stops before the end, unless the span is asked for, and for residuals at rows that were
    trained on, and of a process that does not meet its ends (``approximate`` among the details says why). ``growth`` is
    the power of 1/u found at both ends, and ``fraction_at_ends`` the fraction of the value that the last 1 % of the
    clock at each end have. ``over_epsilon`` is the same bound at other noise levels, which reports draw.

    Source: arXiv 2303.08797, section 2.4, whose constants are half of what holds.

    Args:
        form: ``drift``, ``velocity`` or ``interpolant-velocity``.
        direction: ``target`` for the forward SDE and the law at t = 1, ``source`` for the backward SDE and that at 0.
        epsilon: the noise level; None for the model's own.
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
        form: KLForm = "drift",
        direction: Direction = "target",
        epsilon: Annotated[float, Field(gt=0)] | None = None,
        reference: Reference | None = None,
        span: tuple[float, float] | None = None,
        n: Annotated[int, Field(ge=2, le=Largest.POINTS)] = 2000,
        times: Annotated[int, Field(ge=2, le=Largest.COPIES)] = 32,
        batch: Annotated[int, Field(ge=1, le=Largest.BATCH)] = 4096,
    ) -> None:
        choice(form, _FORMS, "form", _WHERE)
        choice(direction, DIRECTIONS, "direction", _WHERE)
        self.form, self.sign = form, 1.0 if direction == "target" else -1.0
        self.epsilon = None if epsilon is None else positive(epsilon, "epsilon", _WHERE)
        self.quantity = "kl-divergence" if direction == "target" and epsilon is None and span is None else ""
        self.sampling = ErrorSampling(_WHERE, reference, span, n, times, batch)

    def check(self, model: Model) -> None:
        """Refuse a model without noise, and one whose exact fields were asked for and are not known."""
        noise_levels(model, self.sampling.nodes(model), self.epsilon, _WHERE)
        self.sampling.check(model)

    def estimate(self, model: Model, x: Tensor, generator: torch.Generator | None = None) -> Estimate:
        """Measure.

        Args:
            model: the model.
            x: points of the target kept from training, shape (B, *event); not used where the exact fields are known.
            generator: the source of the draws.

        Raises:
            UsageError: the model samples with an ODE and no epsilon was given; it has no score; or exact fields were
                asked for and are not known.
        """
        nodes = self.sampling.nodes(model)
        epsilon = noise_levels(model, nodes, self.epsilon, _WHERE)
        names = ["velocity", "score", *(["interpolant-velocity"] if self.form == "interpolant-velocity" else [])]
        errors = self.sampling.errors(model, x, generator, names)
        gamma_gamma_dot = _gamma_gamma_dot(model, nodes.t)[:, None]
        rate = kl_rate(self.form, errors, epsilon, self.sign, gamma_gamma_dot)
        integral = SpanIntegral(nodes, rate)
        details: dict[str, Any] = {
            "form": self.form,
            "reference": errors.reference,
            "draws": errors.draws,
            **{f"loss_{name.replace('-', '_')}": float(integral.of(errors.of(name)).mean()) / 2 for name in names},
            **integral.details(),
            "over_epsilon": self._over_epsilon(integral, errors, epsilon, gamma_gamma_dot),
        }
        if self.form == "interpolant-velocity":
            first = integral.of(errors.of("interpolant-velocity") / (2 * epsilon))
            bound = float((first + self._supremum(model, integral.span) * integral.of(errors.of("score")) / 2).mean())
            details["with_supremum"] = bound if math.isfinite(bound) else None
        why = self._reservation(model, errors, integral)
        if why is not None:
            details["approximate"] = why
        return self.mean(_WHERE, integral.of(rate), "upper" if why is None else "approximate", "nats", details)

    def _over_epsilon(
        self, integral: SpanIntegral, errors: FieldErrors, epsilon: Tensor, gamma_gamma_dot: Tensor
    ) -> dict[str, Any] | None:
        """A panel: the same bound, from the same errors, at constant noise levels about that of the least one.

        None where the errors of a field vanish. A constant level of the model is marked.
        """
        of_velocity, of_score = (float(integral.of(errors.of(name)).mean()) for name in ("velocity", "score"))
        if not (of_velocity > 0 and of_score > 0):
            return None
        middle = math.sqrt(of_velocity / of_score)
        own = float(epsilon.mean()) if bool(torch.isclose(epsilon, epsilon[0]).all()) else None
        low, high = (middle / _SPREAD, middle * _SPREAD) if own is None else (min(middle, own), max(middle, own))
        low, high = min(low, middle / _SPREAD), max(high, middle * _SPREAD)
        levels = [low * (high / low) ** (k / (_LEVELS - 1)) for k in range(_LEVELS)]
        values = [
            integral.of(kl_rate(self.form, errors, epsilon.new_full(epsilon.shape, level), self.sign, gamma_gamma_dot))
            for level in levels
        ]
        rows = [float(value.mean()) for value in values]
        scatter = [float(value.std()) / math.sqrt(len(value)) for value in values] if len(values[0]) > 1 else None
        panel = Panel(
            "curve",
            tuple(levels),
            {self.form: tuple(rows)},
            errors={self.form: tuple(scatter)} if scatter else {},
            marks={} if own is None else {"this model": own},
            title="bound over epsilon",
            caption="The bound at constant noise levels, from the same errors: the sampler may be given the lowest.",
            x_label="epsilon",
            y_label="nats",
            log="xy" if min(rows) > 0 else "x",
        )
        return panel.plain()

    def _reservation(self, model: Model, errors: FieldErrors, integral: SpanIntegral) -> str | None:
        """Why the value is no upper bound of the divergence at the end; None where it is."""
        if not all(integral.kept):
            return "a part of the clock is left out, over which the bound is infinite"
        if errors.seen:
            return "residuals at rows that were trained on are no bound of the errors"
        if not model.process.meets_ends:
            return "the process ends beside its source and target: it bounds the divergence from the law of the process"
        early, late = sorted((model.start, model.stop))
        reached, end = (late, 1.0) if self.sign > 0 else (early, 0.0)
        if self.sampling.span is None and reached != end:
            return f"it bounds the divergence at t = {reached:g}, where sampling stops, and not at the end"
        return None

    def _supremum(self, model: Model, span: tuple[float, float]) -> float:
        """``sup_t (gamma gamma_dot - sign epsilon)^2/epsilon`` over a span of times."""
        clock = model.process.clock
        first, last = (float(clock.position(torch.tensor(t, dtype=torch.float64))) for t in span)
        t = clock.time(torch.linspace(first, last, _SUPREMUM_TIMES, dtype=torch.float64)).clamp(*span)
        transport = sde_transport(model, model.fields, self.epsilon, _WHERE, clock=UniformClock())
        epsilon = torch.tensor([transport.noise(time) ** 2 / 2 for time in t.tolist()], dtype=torch.float64)
        return float(((_gamma_gamma_dot(model, t) - self.sign * epsilon).square() / epsilon).max())


def _gamma_gamma_dot(model: Model, t: Tensor) -> Tensor:
    """``gamma gamma_dot`` at times t, shape (N,)."""
    s = model.process.schedule(UniformClock(), t)
    return torch.as_tensor(s.gamma_gamma_rate, dtype=torch.float64).expand_as(t)
