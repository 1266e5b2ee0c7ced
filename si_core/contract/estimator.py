"""Estimators: numbers measured on a model, each with its error and what it bounds.

The *quantity* of an estimator says what its number is about. For those below, conformance knows the value between
Gaussians (:mod:`si_authoring.testing.closed_forms`) and holds the estimator to its bound.

====================== ==============================================================================================
quantity               meaning
====================== ==============================================================================================
``ode-log-likelihood`` ``E log rho_hat(x)``, x from the end that is measured on (``points_of``) and rho_hat the law
                       that the model's probability-flow ODE has there, carried from the other end
``sde-log-likelihood`` the same for the model's SDE (backward, for points of the source), at the model's noise level
``ode-cross-entropy``  ``-E log rho_hat(x)``: minus the first of these
``sde-cross-entropy``  minus the second
``kl-divergence``      ``KL(rho | rho_hat)`` of the target and the law that sampling the model has there, at the
                       model's noise level
``optimal-epsilon``    ``(int E|db|^2 dt / int E|ds|^2 dt)^(1/2)`` for errors db of the velocity and ds of the score
``fisher-divergence``  ``int E|ds|^2 dt``
``excess-loss``        ``sum_f int 1/2 E|df|^2 du``, the learned fields' losses above their minimum, in the process's
                       clock
``wasserstein``        ``W_2`` of the target and of samples
``sliced-wasserstein`` ``(E_theta W_2^2(theta.X, theta.Y))^(1/2)``, theta uniform on the unit sphere
``energy-distance``    ``2 E|X-Y| - E|X-X'| - E|Y-Y'|``
``distance``           any other distance, or power of one, of samples and reference data: 0 for equal laws
``accuracy``           the fraction of right answers of a classifier that tells samples from reference data, as many of
                       each and others than it was fitted to: 1/2 for equal laws
====================== ==============================================================================================

Log-densities and divergences are in nats, or in ``bits/dim`` where the estimate has that unit.

What an estimator wants to be seen beside its number, such as a rank histogram or a bound over the noise level, it puts
among the details in plain data; reports draw it (:mod:`si_core.contract.panel`, in plainer forms
:mod:`si_core.contract.panel_shapes`), as they draw how the values of ``per_sample`` are distributed.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import Any, Literal

import torch
from torch import Tensor

from si_core.contract.data import Bound, Estimate
from si_core.contract.model import AnyModel

__all__ = ["Estimator"]


class Estimator(ABC):
    """A measurement."""

    needs: frozenset[str] = frozenset()
    """What is measured on: of ``"fields"``, ``"samples"``, ``"densities"`` (a source or target with a density),
    ``"exact"`` (a process with closed-form fields)."""

    points_of: Literal["target", "source"] = "target"
    """The end of the process whose points are measured on; a comparison of samples has those of the end they reach."""

    quantity: str = ""
    """What the number is about: one of those in :mod:`si_core.contract.estimator`, empty for anything else. An option
    that makes another quantity of it sets it on the instance."""

    def check(self, model: AnyModel) -> None:  # noqa: B027 - most measure any model
        """Refuse a model that can't be measured, whatever its weights and the points: nothing, unless overridden.

        A run asks before it trains, and everyone before an estimate.

        Args:
            model: the process, and the sampler with its noise level and guidance. Its fields may not have learned
                anything yet, so they are not to be evaluated.

        Raises:
            UsageError: what it lacks, with what to do.
            DataError: data that can't be measured on.
        """

    @abstractmethod
    def estimate(self, model: AnyModel, x: Tensor, generator: torch.Generator | None = None) -> Estimate:
        """Measure.

        Args:
            model: fields, process and sampler.
            x: points or reference data in model space, shape (B, *event).
            generator: the source of randomness.

        Returns:
            The estimate. Where x is measured on, ``per_sample`` has a value for each of its points; else one for each
            draw of the estimator's own.
        """

    @staticmethod
    def batches(x: Tensor, size: int | None) -> Iterator[Tensor]:
        """x in pieces of at most ``size`` rows."""
        return iter(torch.split(x, size or max(len(x), 1)))

    @staticmethod
    def mean(name: str, per_sample: Tensor, bound: Bound, unit: str, details: dict[str, Any] | None = None) -> Estimate:
        """The mean over samples with its standard error, from values of shape (B,)."""
        values = per_sample.detach().double()
        error = float(values.std() / len(values) ** 0.5) if len(values) > 1 else None
        return Estimate(name, float(values.mean()), error, bound, unit, per_sample.detach(), details)
