"""The log-density of a model's SDE from the weights of random paths: what the estimators that use it have in common."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from si_core import Estimate, Estimator, Model, NumericsError
from si_estimators.density_ends import DIRECTIONS, UNITS, bound_of_span, density_ends, in_unit, unit_of_nats
from si_estimators.options import choice, needs_generator, positive, whole
from si_estimators.path_weights import PathForm, Probing, effective_size, log_mean_exp, path_log_weights

__all__ = ["PathDensity", "PathDensityEstimator"]


@dataclass(frozen=True)
class PathDensity:
    """The lower bound ``E log w`` with the log-mean-exp and the effective sample size of the weights.

    Args:
        name: of the estimator.
        form: of the weights; see :mod:`si_estimators.path_weights`.
        direction, epsilon, steps, paths, divergence, probes, noise, unit, batch: the options of the estimators.

    Raises:
        UsageError: an option out of range.
    """

    name: str
    form: PathForm
    direction: str
    epsilon: float | None
    steps: int
    paths: int
    divergence: str
    probes: int
    noise: str
    unit: str
    batch: int

    def __post_init__(self) -> None:
        choice(self.direction, DIRECTIONS, "direction", self.name)
        choice(self.divergence, ("exact", "hutchinson"), "divergence", self.name)
        choice(self.noise, ("rademacher", "gaussian"), "noise", self.name)
        choice(self.unit, UNITS, "unit", self.name)
        if self.epsilon is not None:
            positive(self.epsilon, "epsilon", self.name)
        for name in ("steps", "paths", "probes", "batch"):
            whole(getattr(self, name), name, self.name)

    def estimate(self, model: Model, x: Tensor, generator: torch.Generator | None) -> Estimate:
        """The mean of the bound over points x (B, *event) of model space, in data units.

        Raises:
            UsageError: no source of noise, an ODE model, or the other end has no density.
            NumericsError: a path that leaves the finite numbers, or the support of the other end.
        """
        generator = needs_generator(generator, self.name)
        _, end = density_ends(model.process, self.direction, self.name)
        with torch.inference_mode(False), torch.no_grad():
            weights, variance = path_log_weights(
                model,
                x,
                generator,
                form=self.form,
                direction=self.direction,  # type: ignore[arg-type]
                epsilon=self.epsilon,
                steps=self.steps,
                paths=self.paths,
                probing=Probing(self.probes if self._probed else 0, self.noise),  # type: ignore[arg-type]
                batch=self.batch,
                where=self.name,
            )
            lost = torch.isneginf(weights)
            if bool(lost.any()):
                raise NumericsError(
                    "a path ends where the density of the other end is 0, so the bound is minus infinity",
                    where=self.name,
                    got=f"{int(lost.sum())} of {lost.numel()} paths, first from row {int(lost.any(1).nonzero()[0])}",
                    fix="a source with a density everywhere, such as `gaussian`",
                )
            values, scale = in_unit(weights, end, self.unit), unit_of_nats(end, self.unit)
            tight = in_unit(log_mean_exp(weights), end, self.unit)
            details = {
                "direction": self.direction,
                "form": self.form,
                "steps": self.steps,
                "paths": self.paths,
                "dimensions": math.prod(model.process.shape),
                "log_mean_exp": float(tight.mean()),
                "log_mean_exp_error": self._error(tight),
                "effective_sample_size": float(effective_size(weights).mean()),
                "log_weight_variance": float(weights.var(1).mean()) * scale**2 if self.paths > 1 else None,
            }
            if self._probed and self.probes > 1:
                details["probe_variance"] = float(variance.mean()) * scale**2
        bound = values.mean(1)
        error = self._error(bound) if len(x) > 1 else self._error(values[0])
        kind, reservation = bound_of_span(model, self.direction, "lower", self.epsilon)
        return Estimate(self.name, float(bound.mean()), error, kind, self.unit, bound, details | reservation)

    @property
    def _probed(self) -> bool:
        return self.divergence == "hutchinson" and self.form != "transition"

    @staticmethod
    def _error(values: Tensor) -> float | None:
        return float(values.std()) / math.sqrt(len(values)) if len(values) > 1 else None


class PathDensityEstimator(Estimator):
    """An estimator that is a :class:`PathDensity` with a form of its own.

    Args:
        density: the bound, with all options.
    """

    needs = frozenset({"fields", "densities"})

    def __init__(self, density: PathDensity) -> None:
        self.density, self.points_of = density, density.direction  # type: ignore[assignment]
        self.quantity = "sde-log-likelihood" if density.epsilon is None else ""

    def estimate(self, model: Model, x: Tensor, generator: torch.Generator | None = None) -> Estimate:
        """Measure.

        Args:
            model: the model; fields conditioned on labels have one for each point, or one for all.
            x: points in model space at the end named by ``direction``, shape (B, *event).
            generator: the source of noise.

        Raises:
            UsageError: the model samples with an ODE and no epsilon was given, or the other end has no density.
            NumericsError: a path that leaves the finite numbers, or ends where the other end's density is 0.
        """
        return self.density.estimate(model, x, generator)
