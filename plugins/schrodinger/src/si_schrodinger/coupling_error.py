"""The joint law of first and last states of a model's SDE, against the plan of the exact bridge."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from si_core import Estimate, Estimator, Model, UsageError
from si_distributions.options import whole
from si_schrodinger.gaussian_bridge import GaussianBridge
from si_schrodinger.pair_distance import energy_distance
from si_schrodinger.reference import known_bridge
from si_schrodinger.simulation import Batched, Groups, Level, Paths, Simulation, Steps, needs_generator

__all__ = ["CouplingError"]

_WHERE = "coupling-error"
_PAIRS = 8192
"""Of how many pairs the energy distance is at most: its price is their number squared."""


class CouplingError(Estimator):
    """How far the pairs ``(x0, X_1)`` of the model's forward SDE are from the plan of the exact bridge.

    Between two Gaussians the value is ``|C_hat - C|/|C|`` with Frobenius norms, ``C = Cov(x0, x1)`` of the plan and
    C_hat the covariance of the pairs: an *upper* bound in expectation, by convexity, up to the steps of the stochastic
    Heun method. The ``floor`` among the details is the root mean square of what the number of paths leaves of it for
    exact pairs. Towards a ``bridge-target``, whose covariances say less, the value is the energy distance of the pairs
    and draws of the plan, in the space of both ends: *unbiased*, and about 0 where they agree.

    In both cases the details have the ``energy_distance``, of at most 8,192 pairs, and the ``displacement``
    ``E|x1 - x0|^2`` beside the exact one. Standard errors are those of groups of paths.

    Args:
        epsilon: the noise level of the SDE and the reference ``dX = sqrt(2 epsilon) dW``; None for the model's.
        n: the number of paths.
        steps: of each.
        groups: how many groups they are cut into, each of at least 8 paths.
        batch: how many are made at once.

    Raises:
        UsageError: an option out of range.
    """

    needs = frozenset({"samples"})

    def __init__(
        self, epsilon: Level = None, n: Paths = 4096, steps: Steps = 100, groups: Groups = 16, batch: Batched = 4096
    ) -> None:
        self.simulation = Simulation(_WHERE, epsilon, n, steps, batch)
        self.groups = whole(groups, "groups", _WHERE, 2)
        if n < 8 * groups:
            raise UsageError("too few paths for these groups", where=_WHERE, got=n, allowed=f"n >= {8 * groups}")

    def check(self, model: Model) -> None:
        """Refuse a model without constant noise, and ends whose bridge is not known."""
        known_bridge(model.process, self.simulation.level(model), _WHERE)

    def estimate(self, model: Model, x: Tensor, generator: torch.Generator | None = None) -> Estimate:
        """Measure.

        Args:
            model: the model.
            x: not used: the pairs are the estimator's own.
            generator: the source of first states, noise and draws of the plan.

        Raises:
            UsageError: the model has no constant noise or no SDE, or the exact bridge is not known.
            NumericsError: paths that leave the finite numbers.
        """
        generator = needs_generator(generator, _WHERE)
        level = self.simulation.level(model)
        bridge = known_bridge(model.process, level, _WHERE)
        with torch.no_grad():
            first, last = self.simulation.pairs(model, generator)
            start = model.process.source.sample(len(first), generator).flatten(1).double()
            end = bridge.sample_end(start, generator)
            found, known = (torch.cat(ends, 1)[:_PAIRS] for ends in ((first, last), (start, end)))
            distance, error = energy_distance(found, known, self.groups)
            moved = (last - first).square().sum(1)
            exact = (
                _displacement(bridge) if isinstance(bridge, GaussianBridge) else (end - start).square().sum(1).mean()
            )
            details: dict[str, Any] = {
                "epsilon": level,
                "paths": len(first),
                "displacement": float(moved.mean()),
                "displacement_error": float(moved.std()) / math.sqrt(len(moved)),
                "exact_displacement": float(exact),
                "energy_distance": distance,
                "energy_distance_error": error,
            }
            if not isinstance(bridge, GaussianBridge):
                return Estimate(_WHERE, distance, error, "unbiased", "1", details={"measure": "pairs", **details})
            value, error, floor = _relative_error(first.cpu(), last.cpu(), bridge.cross, self.groups)
        details = {"measure": "covariance", "floor": floor, **details}
        return Estimate(_WHERE, value, error, "upper", "1", details=details)


def _displacement(bridge: GaussianBridge) -> Tensor:
    """``E|x1 - x0|^2`` of the plan."""
    spread = bridge.covariance0 + bridge.covariance1 - 2 * bridge.cross
    return (bridge.mean1 - bridge.mean0).square().sum() + spread.trace()


def _relative_error(first: Tensor, last: Tensor, cross: Tensor, groups: int) -> tuple[float, float, float]:
    """``|C_hat - C|/|C|``, its standard error, and its root mean square for exact pairs."""
    a, b = first - first.mean(0), last - last.mean(0)
    # Centred by the mean of all: the part of a product that this takes away is of order 1/n.
    parts = zip(a.tensor_split(groups), b.tensor_split(groups), strict=True)
    found = torch.stack([u.mT @ v / len(u) for u, v in parts]) * (len(a) / (len(a) - 1))
    scale, error = cross.norm(), found.mean(0) - cross
    direction = error / error.norm().clamp_min(1e-300)
    along = (found * direction).sum((1, 2))
    floor = (found.var(0).sum() / groups).sqrt()
    return float(error.norm() / scale), float(along.std() / scale) / math.sqrt(groups), float(floor / scale)
