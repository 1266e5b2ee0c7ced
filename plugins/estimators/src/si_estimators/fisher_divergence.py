"""The Fisher divergence: the mean square error of a score, ``E_rho |s_hat(t, x) - grad log rho(t, x)|^2``.

With the velocity's error it decides how far an ODE is off: ``KL(rho1 | rho1_hat) = int E<grad log rho_hat - s, db> dt``
with the score of the ODE's own density rho_hat (arXiv 2303.08797, section 2.4), which is not the learned one.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Literal

import torch
from pydantic import Field
from torch import Tensor

from si_core import Estimate, Estimator, Largest, Model, UniformClock, UsageError
from si_estimators.draws import draw_at
from si_estimators.field_errors import ErrorSampling, exact_fields_of
from si_estimators.log_likelihood import log_likelihood
from si_estimators.options import choice, flat, needs_generator, whole
from si_estimators.quadrature import SpanIntegral

__all__ = ["FisherDivergence"]

_WHERE = "fisher-divergence"


class FisherDivergence(Estimator):
    """``E_rho |s_hat - s|^2`` against the exact score, for processes with closed-form fields; *unbiased*.

    Without a time it is ``int E|s_hat(t, x_t) - s(t, x_t)|^2 dt`` over the span, twice the score's loss above its
    minimum; what is said of the ends of time for ``kl-bound`` holds here, too: the value is *approximate* where a part
    of the clock is left out. With a time t it is the mean at t.

    ``of: score`` takes the model's score for s_hat. ``of: density`` takes the gradient of the log-density of the
    model's ODE, found by differentiating the log-likelihood through the steps of the solver: the other factor in
    ``KL(rho1 | rho1_hat) = int E<grad log rho_hat - s, db> dt`` (arXiv 2303.08797, section 2.4). It is taken at one
    time, the end of sampling unless another is given. Points are fresh draws of the process; those handed in are not
    used.

    Args:
        of: ``score`` or ``density``.
        time: t; None for the integral over t (``score``), or for the end of the span of sampling (``density``).
        span: times of start and stop of the integral; None for those of sampling.
        n: the number of draws of the process.
        times: nodes of Gauss-Legendre quadrature between the ends.
        steps: of RK4, for the density.
        batch: how many draws are looked at at once.

    Raises:
        UsageError: an option out of range.
    """

    needs = frozenset({"fields", "exact"})

    def __init__(
        self,
        of: Literal["score", "density"] = "score",
        time: Annotated[float, Field(ge=0, le=1)] | None = None,
        span: tuple[float, float] | None = None,
        n: Annotated[int, Field(ge=2, le=Largest.POINTS)] = 2000,
        times: Annotated[int, Field(ge=2, le=Largest.COPIES)] = 32,
        steps: Annotated[int, Field(ge=1, le=Largest.STEPS)] = 50,
        batch: Annotated[int, Field(ge=1, le=Largest.BATCH)] = 1024,
    ) -> None:
        self.of = choice(of, ("score", "density"), "of", _WHERE)
        if time is not None and not 0 <= time <= 1:
            raise UsageError("a time out of range", where=f"{_WHERE}: time", got=repr(time), allowed="0 <= time <= 1")
        self.quantity = "fisher-divergence" if of == "score" and time is None and span is None else ""
        self.time, self.steps = time, whole(steps, "steps", _WHERE)
        self.sampling = ErrorSampling(_WHERE, "exact", span, n, times, batch)

    def check(self, model: Model) -> None:
        """Refuse a conditional model, and a time at which there is no density."""
        self.sampling.check(model)
        self._time(model)

    def estimate(self, model: Model, x: Tensor, generator: torch.Generator | None = None) -> Estimate:
        """Measure.

        Args:
            model: the model.
            x: not used: the process is drawn afresh.
            generator: the source of the draws.

        Raises:
            UsageError: no closed form is known, the target has classes, the model has no score, or for the density: the
                source has none, or the time is the start of sampling.
            NumericsError: a path or a density that is not finite.
        """
        generator = needs_generator(generator, _WHERE)
        if self.of == "score" and self.time is None:
            errors = self.sampling.errors(model, x, generator, ["score"])
            integral = SpanIntegral(errors.nodes, errors.of("score"))
            values, details = integral.of(errors.of("score")), integral.details()
            return self.mean(_WHERE, values, integral.claim("unbiased"), "1", {"of": self.of, **details})
        time = self._time(model)
        values = self._at(model, time, generator)
        return self.mean(_WHERE, values, "unbiased", "1", {"of": self.of, "time": time})

    def _time(self, model: Model) -> float:
        early, late = sorted((model.start, model.stop))
        time = late if self.time is None else self.time
        if self.of == "density" and not early < time <= late:
            allowed = f"{early} < time <= {late}"
            raise UsageError("no density of the ODE", where=f"{_WHERE}: time", got=repr(time), allowed=allowed)
        return time

    def _at(self, model: Model, time: float, generator: torch.Generator) -> Tensor:
        """``|s_hat - s|^2`` at draws of x_t, shape (n,)."""
        exact, n, batch = exact_fields_of(model, _WHERE), self.sampling.n, self.sampling.batch
        u, values = torch.tensor(time, dtype=torch.float64), []
        for first in range(0, n, batch):
            with torch.no_grad():
                draw = model.process.draw(min(batch, n - first), generator)
                points = draw_at(model.process, draw, UniformClock(), u).xt
                error = -exact.score(time, points)
            error = error + self._score(model, points, time)
            values.append(flat(error).double().square().sum(1))
        return torch.cat(values)

    def _score(self, model: Model, points: Tensor, time: float) -> Tensor:
        if self.of == "score":
            with torch.no_grad():
                return model.fields.score(time, points)
        # The gradient of a sum over points is that of each, for points don't interact.
        until = replace(model, start=min(model.start, model.stop), stop=time)
        with torch.inference_mode(False), torch.enable_grad():
            points = points.clone().requires_grad_()
            density = log_likelihood(until, points, steps=self.steps, path="coupled").sum()
            return torch.autograd.grad(density, points)[0]
