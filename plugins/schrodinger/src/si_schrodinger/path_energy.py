"""The energy of a model's paths, and with it their divergence from Brownian motion.

For ``dX = b_F dt + sqrt(2 epsilon) dW``, X_0 ~ rho0, and the reference ``dX = sqrt(2 epsilon) dW`` from the same start

    ``KL(paths || reference) = 1/(4 epsilon) int_0^1 E|b_F(t, X_t)|^2 dt``

(Girsanov's theorem). Of all drifts that reach the target, the bridge's has the least energy.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, ClassVar

import torch
from torch import Tensor

from si_core import Estimate, Estimator, Model
from si_schrodinger.gaussian_bridge import GaussianBridge
from si_schrodinger.reference import reference_bridge
from si_schrodinger.simulation import Batch, Batched, Level, Paths, Simulation, Steps, needs_generator

__all__ = ["PathEnergy", "PathKL"]


class _OfEnergies(Estimator):
    """The mean over paths of their energies, in some unit.

    Args:
        epsilon: the noise level; None for the model's.
        n: the number of paths.
        steps: of each.
        batch: how many are made at once.
    """

    needs = frozenset({"fields"})
    name: ClassVar[str]
    unit: ClassVar[str]

    def __init__(self, epsilon: Level = None, n: Paths = 4096, steps: Steps = 100, batch: Batched = 1024) -> None:
        self.simulation = Simulation(self.name, epsilon, n, steps, batch)

    @abstractmethod
    def divisor(self, epsilon: float) -> float:
        """What energies are divided by, for a noise level."""

    def check(self, model: Model) -> None:
        """Refuse a model without constant noise."""
        self.simulation.level(model)

    def estimate(self, model: Model, x: Tensor, generator: torch.Generator | None = None) -> Estimate:
        """Measure.

        Args:
            model: the model.
            x: not used: the paths are the estimator's own.
            generator: the source of first states and noise.

        Raises:
            UsageError: the model has no constant noise, or no SDE.
            NumericsError: paths that leave the finite numbers.
        """
        energies, details = _energies(self.simulation, model, generator)
        divisor = self.divisor(details["epsilon"])
        for name in ("exact", "exact_error"):
            if name in details:
                details[name] /= divisor
        return self.mean(self.name, energies / divisor, "unbiased", self.unit, details)


class PathEnergy(_OfEnergies):
    """``int_0^1 E|b_F(t, X_t)|^2 dt`` along the model's own forward SDE, *unbiased* up to the integrator.

    Paths by the stochastic Heun method from fresh draws of the source; for each the trapezoid of ``|b_F|^2`` over its
    steps, in the clock of sampling. The error of both is of second order in the step. Where a learned drift grows like
    ``(1-t)^(-1/2)`` its energy has no bound, and the value is that of the steps: ``fraction_at_ends`` says how much of
    it comes from the first and the last tenth of the clock.

    Where the bridge between the ends is known (see ``coupling-error``) the details have its ``exact`` energy, the least
    that any drift to the same target needs.

    Raises:
        UsageError: an option out of range.
    """

    name = "path-energy"
    unit = "1"

    def divisor(self, epsilon: float) -> float:
        return 1.0


class PathKL(_OfEnergies):
    """``KL(paths of the model || Brownian motion from the same start)`` in nats, *unbiased* up to the integrator.

    ``1/(4 epsilon) int_0^1 E|b_F(t, X_t)|^2 dt``, for the reference ``dX = sqrt(2 epsilon) dW``: it is ``path-energy``,
    and all that is said there holds.

    Raises:
        UsageError: an option out of range.
    """

    name = "path-kl"
    unit = "nats"

    def divisor(self, epsilon: float) -> float:
        return 4 * epsilon


def _energies(simulation: Simulation, model: Model, generator: torch.Generator | None) -> tuple[Tensor, dict[str, Any]]:
    """``int |b_F|^2 dt`` of each path, shape (n,), float64, and the details."""
    generator = needs_generator(generator, simulation.where)
    level = simulation.level(model)
    with torch.no_grad():
        parts = [_rates(batch) for batch in simulation.batches(model, generator, nodes=simulation.steps)]
        terms = torch.cat(parts, 1)
        exact = _exact(model, level, simulation.n, generator)
    tenth = max(1, len(terms) // 10)
    total = float(terms.sum())
    ends = [float(terms[:tenth].sum()) / total, float(terms[-tenth:].sum()) / total] if total > 0 else [0.0, 0.0]
    details = {"epsilon": level, "steps": simulation.steps, "paths": simulation.n, "fraction_at_ends": ends, **exact}
    return terms.sum(0), details


def _rates(batch: Batch) -> Tensor:
    """The terms of the trapezoid of ``|b_F|^2 dt/du`` over the nodes of each path, shape (K+1, B), float64."""
    u, terms = batch.positions, []
    weights = torch.cat([u[1:] - u[:-1], u.new_zeros(1)]) / 2
    weights = weights + weights.roll(1)
    for position, rate, weight, x in zip(u, batch.transport.clock.rate(u), weights, batch.states, strict=True):
        # Where the clock stands still a bounded drift adds nothing, and per unit of time it would read 0/0.
        drift = batch.transport.drift(float(position), x) if float(rate) > 0 else torch.zeros_like(x)
        of_time = float(weight / rate) if float(rate) > 0 else 0.0
        terms.append(drift.flatten(1).double().square().sum(1) * of_time)
    return torch.stack(terms)


def _exact(model: Model, level: float, n: int, generator: torch.Generator) -> dict[str, float]:
    """The energy of the exact bridge between the ends, with its standard error where it is by simulation."""
    bridge = reference_bridge(model.process, level)
    if bridge is None:
        return {}
    if isinstance(bridge, GaussianBridge):
        return {"exact": bridge.path_energy()}
    found = bridge.path_kl(model.process.source.sample(n, generator), generator)
    return {"exact": 4 * level * found.value, "exact_error": 4 * level * (found.standard_error or 0.0)}
