"""How far a learned posterior is from one in closed form, in nats."""

from __future__ import annotations

from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor

from si_core import Estimate, Estimator, Largest, Model, Nested, UsageError
from si_estimators.log_likelihood import LogLikelihood
from si_inference.observations import told_of
from si_inference.simulator import Simulator

__all__ = ["PosteriorKl"]

_WHERE = "posterior-kl"


class PosteriorKl(Estimator):
    """``E log p(theta | x) - log q(theta | x)`` over held-out pairs: the mean KL divergence of the posteriors.

    p is the simulator's own, in closed form, and q the law of the model's ODE, by ``log-likelihood``; both per unit of
    the parameters. *Exact* for these pairs, up to the integrator; the value scatters about the divergence by the
    standard error, and may be negative. The mean of the first term stands among the details.

    Args:
        simulator: a simulator whose posterior is known.
        steps: of the ODE's integrator.
        batch: how many points are carried at once.

    Raises:
        UsageError: a simulator whose posterior has no closed form.
    """

    needs = frozenset({"fields", "densities"})

    def __init__(
        self,
        simulator: Annotated[Simulator, Nested("simulator")],
        steps: Annotated[int, Field(ge=1, le=Largest.STEPS)] = 50,
        batch: Annotated[int, Field(ge=1, le=Largest.BATCH)] = 4096,
    ) -> None:
        if not simulator.has_posterior:
            raise UsageError(
                "a simulator without a posterior in closed form", where=_WHERE, got=type(simulator).__name__
            )
        self.simulator, self.likelihood = simulator, LogLikelihood(steps=steps, batch=batch)

    def check(self, model: Model) -> None:
        """Refuse parameters and observations of another simulator, and what `log-likelihood` refuses."""
        self._observation(model)
        self.likelihood.check(model)

    def _observation(self, model: Model) -> str:
        """The name of the condition that is the observation."""
        name, d = told_of(model, _WHERE), len(self.simulator.names)
        shapes = model.process.shape, model.process.conditions[name].shape
        if shapes != ((d,), tuple(self.simulator.observation_shape)):
            raise UsageError(
                "parameters and observations of another simulator",
                where=_WHERE,
                got=f"{shapes[0]} and {shapes[1]}",
                allowed=f"({d},) and {self.simulator.observation_shape}",
            )
        return name

    def estimate(self, model: Model, x: Tensor, generator: torch.Generator | None = None) -> Estimate:
        """Measure.

        Args:
            model: the model, conditioned on the observation of each point.
            x: parameters in model space, shape (B, d).
            generator: not used.

        Raises:
            UsageError: no posterior, or of other observations than the simulator's.
        """
        name = self._observation(model)
        model.fields.check_conditions(len(x))
        found = self.likelihood.estimate(model, x, generator)
        if found.per_sample is None:
            raise UsageError("the estimator tells no value of each point", where=_WHERE, got=found.name)
        observations = (model.fields.condition or {})[name].double()
        theta = model.process.target.decode(x).double()
        exact = self.simulator.posterior_log_prob(theta, observations.expand(len(theta), *observations.shape[1:]))
        details = {"exact_log_density": float(exact.mean()), "log_density": found.value, "integration": found.bound}
        return self.mean(_WHERE, exact - found.per_sample.to(exact), found.bound, "nats", details)
