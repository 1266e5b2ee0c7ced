"""Means and covariances along a model's SDE, against those of the exact bridge."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from si_core import Estimate, Estimator, Model, UsageError
from si_distributions.options import whole
from si_schrodinger.gaussian_bridge import GaussianBridge
from si_schrodinger.potential_bridge import PotentialBridge
from si_schrodinger.reference import known_bridge
from si_schrodinger.simulation import Batched, Groups, Level, Paths, Simulation, Steps, Times, needs_generator

__all__ = ["BuresWasserstein", "bures_wasserstein"]

_WHERE = "bures-wasserstein"
_EXACT = 4
"""How many draws stand for the bridge where its moments have no closed form, for each path."""


def bures_wasserstein(mean: Tensor, covariance: Tensor, other_mean: Tensor, other_covariance: Tensor) -> float:
    """``(|m - m'|^2 + tr(S + S' - 2 (S^(1/2) S' S^(1/2))^(1/2)))^(1/2)``: W_2 of two Gaussians.

    Args:
        mean, other_mean: shape (d,).
        covariance, other_covariance: shape (d, d).
    """
    values, vectors = torch.linalg.eigh(covariance)
    root = (vectors * values.clamp_min(0).sqrt()) @ vectors.mT
    # The trace of the root is the sum of the singular values of S^(1/2) S'^(1/2), without a second squaring.
    other_values, other_vectors = torch.linalg.eigh(other_covariance)
    other_root = (other_vectors * other_values.clamp_min(0).sqrt()) @ other_vectors.mT
    shared = torch.linalg.svdvals(root @ other_root).sum()
    square = (mean - other_mean).square().sum() + covariance.trace() + other_covariance.trace() - 2 * shared
    return math.sqrt(max(0.0, float(square)))


class BuresWasserstein(Estimator):
    """The largest Bures-Wasserstein distance of means and covariances of X_t and of the exact bridge, over times t.

    ``(|m - m'|^2 + tr(S + S' - 2 (S^(1/2) S' S^(1/2))^(1/2)))^(1/2)``, in the units of x, at the ends of equal parts of
    the clock of sampling; paths of the model's forward SDE by the stochastic Heun method. Its square is an *upper*
    bound in expectation, by convexity. The ``floor`` among the details is the value for as many exact draws.

    The details have the distance at each time, ``t`` and ``by_t``. The standard error is the jackknife over groups of
    paths at the time of the largest. Towards a ``bridge-target`` the moments of the bridge are those of draws.

    Args:
        epsilon: the noise level of the SDE and the reference ``dX = sqrt(2 epsilon) dW``; None for the model's.
        times: the number of times, of which the last is 1.
        n: the number of paths.
        steps: of each, at least ``times``.
        groups: how many groups they are cut into, each of at least 8 paths.
        batch: how many are made at once.

    Raises:
        UsageError: an option out of range.
    """

    needs = frozenset({"samples"})

    def __init__(
        self,
        epsilon: Level = None,
        times: Times = 8,
        n: Paths = 8192,
        steps: Steps = 100,
        groups: Groups = 16,
        batch: Batched = 4096,
    ) -> None:
        self.simulation = Simulation(_WHERE, epsilon, n, steps, batch)
        self.times, self.groups = whole(times, "times", _WHERE, 1), whole(groups, "groups", _WHERE, 2)
        if n < 8 * groups:
            raise UsageError("too few paths for these groups", where=_WHERE, got=n, allowed=f"n >= {8 * groups}")
        if steps < times:
            raise UsageError("a step for each time, at least", where=_WHERE, got=steps, allowed=f"steps >= {times}")

    def check(self, model: Model) -> None:
        """Refuse a model without constant noise, and ends whose bridge is not known."""
        known_bridge(model.process, self.simulation.level(model), _WHERE)

    def estimate(self, model: Model, x: Tensor, generator: torch.Generator | None = None) -> Estimate:
        """Measure.

        Args:
            model: the model.
            x: not used: the paths are the estimator's own.
            generator: the source of first states and noise.

        Raises:
            UsageError: the model has no constant noise or no SDE, or the exact bridge is not known.
            NumericsError: paths that leave the finite numbers.
        """
        generator = needs_generator(generator, _WHERE)
        level = self.simulation.level(model)
        bridge = known_bridge(model.process, level, _WHERE)
        with torch.no_grad():
            batches = list(self.simulation.batches(model, generator, nodes=self.times))
            states = torch.cat([batch.states[1:].flatten(2).double() for batch in batches], 1).cpu()
            t = batches[0].times[1:].tolist()
            n = states.shape[1]
            draws = _draws(model, bridge, t, n, generator)
            if isinstance(bridge, GaussianBridge):
                exact = [bridge.moments(time) for time in t]
            else:
                exact = [_moments(x) for x in _draws(model, bridge, t, _EXACT * n, generator)]
            by_t = [bures_wasserstein(*_moments(x), *known) for x, known in zip(states, exact, strict=True)]
            of_draws = [bures_wasserstein(*_moments(x), *known) for x, known in zip(draws, exact, strict=True)]
            worst = max(range(len(t)), key=by_t.__getitem__)
            error = _jackknife(states[worst], exact[worst], self.groups)
        details: dict[str, Any] = {
            "epsilon": level,
            "paths": n,
            "t": t,
            "by_t": by_t,
            "floor": max(of_draws),
        }
        return Estimate(_WHERE, by_t[worst], error, "upper", "1", details=details)


def _moments(x: Tensor) -> tuple[Tensor, Tensor]:
    """Mean (d,) and covariance (d, d) of rows (n, d)."""
    return x.mean(0), x.mT.cov().reshape(x.shape[1], x.shape[1])


def _draws(
    model: Model, bridge: GaussianBridge | PotentialBridge, t: Sequence[float], n: int, generator: torch.Generator
) -> Tensor:
    """Draws of the bridge at times t, shape (K, n, d), float64."""
    x0 = model.process.source.sample(n, generator).flatten(1).double()
    x1 = bridge.sample_end(x0, generator)
    return torch.stack([bridge.between(time, x0, x1, generator) for time in t]).cpu()


def _jackknife(x: Tensor, exact: tuple[Tensor, Tensor], groups: int) -> float:
    """The standard error of the distance of rows x from exact moments, leaving out one group at a time."""
    parts = x.tensor_split(groups)
    without = [bures_wasserstein(*_moments(torch.cat([*parts[:k], *parts[k + 1 :]])), *exact) for k in range(groups)]
    return (groups - 1) / math.sqrt(groups) * float(torch.tensor(without, dtype=torch.float64).std())
