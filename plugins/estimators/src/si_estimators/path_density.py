"""The log-density of a model's SDE from the weights of random paths: what the estimators that use it have in common."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from si_core import Estimate, Estimator, Model
from si_estimators.density_ends import (
    DIRECTIONS,
    UNITS,
    Bound,
    bound_of_span,
    in_unit,
    measured_end,
    unit_of_nats,
    value_of_data_law,
)
from si_estimators.off_support import OFF_SUPPORT, OffSupport
from si_estimators.options import choice, needs_generator, positive, whole
from si_estimators.path_weights import PathForm, Probing, effective_size, log_mean_exp, path_log_weights
from si_estimators.paths import sde_transport
from si_estimators.start_law import start_law

__all__ = ["PathDensity", "PathDensityEstimator"]


@dataclass(frozen=True)
class PathDensity:
    """The lower bound ``E log w`` with the log-mean-exp and the effective sample size of the weights.

    Args:
        name: of the estimator.
        form: of the weights; see :mod:`si_estimators.path_weights`.
        direction, epsilon, steps, paths, divergence, probes, noise, unit, batch, off_support: the options of the
            estimators.

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
    off_support: str = "refuse"

    def __post_init__(self) -> None:
        choice(self.direction, DIRECTIONS, "direction", self.name)
        choice(self.divergence, ("exact", "hutchinson"), "divergence", self.name)
        choice(self.noise, ("rademacher", "gaussian"), "noise", self.name)
        choice(self.unit, UNITS, "unit", self.name)
        choice(self.off_support, OFF_SUPPORT, "off_support", self.name)
        if self.epsilon is not None:
            positive(self.epsilon, "epsilon", self.name)
        for name in ("steps", "paths", "probes", "batch"):
            whole(getattr(self, name), name, self.name)

    def check(self, model: Model) -> None:
        """Refuse a model without an SDE, or whose other end has no density.

        Raises:
            UsageError: it is one.
        """
        start_law(model, self.direction, self.name)
        for backward in (False, True):
            sde_transport(model, model.fields, self.epsilon, self.name, backward)

    def estimate(self, model: Model, x: Tensor, generator: torch.Generator | None) -> Estimate:
        """The mean of the bound over points x (B, *event) of model space, in data units.

        Raises:
            UsageError: no source of noise, an ODE model, or the other end has no density.
            NumericsError: a path that leaves the finite numbers, or the support of the other end.
        """
        generator = needs_generator(generator, self.name)
        end, start = measured_end(model.process, self.direction), start_law(model, self.direction, self.name)
        off = OffSupport(start, self.name)
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
                off=off,
            )
            kept = ~torch.isneginf(weights).any(1)
            if self.off_support == "refuse" or not bool(kept.any()):
                off.refuse(len(x))
            weights, variance = weights[kept], variance[kept]
            measured, scale = x[kept], unit_of_nats(end, self.unit)
            values = in_unit(weights, measured, end, self.unit)
            tight = in_unit(log_mean_exp(weights), measured, end, self.unit)
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
            details |= value_of_data_law(model, self.direction, self.unit) | off.details(len(x))
        means = values.mean(1)
        error = self._error(means) if len(means) > 1 else self._error(values[0])
        # Points of which no path was lost have weights that are too large: some of their paths might have been.
        claim: Bound = "lower" if bool(kept.all()) else "approximate"
        kind, reservation = bound_of_span(model, self.direction, start, claim, self.epsilon)
        per_sample = means.new_full((len(x),), -math.inf).masked_scatter(kept, means)
        return Estimate(self.name, float(means.mean()), error, kind, self.unit, per_sample, details | reservation)

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

    def check(self, model: Model) -> None:
        """Refuse a model without an SDE, or whose other end has no density."""
        self.density.check(model)

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
