"""Whether a model's forward and backward SDE are one law of paths, seen at both ends."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from si_core import Estimate, Estimator, Model, UsageError
from si_distributions.options import whole
from si_schrodinger.pair_distance import energy_distance
from si_schrodinger.simulation import Batched, Groups, Level, Paths, Simulation, Steps, needs_generator

__all__ = ["CyclicConsistency"]

_WHERE = "cyclic-consistency"


class CyclicConsistency(Estimator):
    """The squared energy distance of the forward pairs ``(x0, X_1)`` and the backward pairs ``(X_0, x1)``, *unbiased*.

    ``2 E|P-Q| - E|P-P'| - E|Q-Q'|`` in the space of both ends, ``P = (x0, X_1)`` with ``X_1`` carried from x0 by the
    forward SDE and ``Q = (X_0, x1)`` with ``X_0`` carried from x1 by the backward one: it scatters about 0, and may be
    negative, where they are one law. The two SDEs of any exact fields are one law of paths, so that 0 is necessary for
    a bridge but does not make one: no reference is needed. Paths are those of the stochastic Heun method.

    Args:
        epsilon: the noise level; None for the model's.
        n: the number of paths each way.
        steps: of each.
        groups: how many groups they are cut into for the standard error (a jackknife), each of at least 8 paths.
        batch: how many are made at once.

    Raises:
        UsageError: an option out of range.
    """

    needs = frozenset({"samples"})
    quantity = "distance"

    def __init__(
        self, epsilon: Level = None, n: Paths = 4096, steps: Steps = 100, groups: Groups = 16, batch: Batched = 4096
    ) -> None:
        self.simulation = Simulation(_WHERE, epsilon, n, steps, batch)
        self.groups = whole(groups, "groups", _WHERE, 2)
        if n < 8 * groups:
            raise UsageError("too few paths for these groups", where=_WHERE, got=n, allowed=f"n >= {8 * groups}")

    def check(self, model: Model) -> None:
        """Refuse a model without constant noise."""
        self.simulation.level(model)

    def estimate(self, model: Model, x: Tensor, generator: torch.Generator | None = None) -> Estimate:
        """Measure.

        Args:
            model: the model.
            x: not used: the pairs are the estimator's own.
            generator: the source of first states and noise.

        Raises:
            UsageError: the model has no constant noise, or no SDE.
            NumericsError: paths that leave the finite numbers.
        """
        generator = needs_generator(generator, _WHERE)
        level = self.simulation.level(model)
        with torch.no_grad():
            forward, backward = (torch.cat(self.simulation.pairs(model, generator, way), 1) for way in (False, True))
            value, error = energy_distance(forward, backward, self.groups)
        details = {"epsilon": level, "distance": math.sqrt(max(0.0, value)), "paths": len(forward)}
        return Estimate(_WHERE, value, error, "unbiased", "1", details=details)
