"""The exact bridge between the ends of a process, where it is known."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from si_core import Distribution, Model, StochasticInterpolant, UsageError
from si_distributions.gaussian import Gaussian
from si_distributions.gaussian_mixture import GaussianMixture
from si_schrodinger.bridge_target import BridgeTarget
from si_schrodinger.gaussian_bridge import GaussianBridge
from si_schrodinger.potential_bridge import PotentialBridge

__all__ = ["known_bridge", "noise_level", "reference_bridge"]

_ROUNDING = 1e-9


def reference_bridge(process: StochasticInterpolant, epsilon: float) -> GaussianBridge | PotentialBridge | None:
    """The bridge between the ends of a process with reference ``dX = sqrt(2 epsilon) dW``; None where it isn't known.

    It is known between two Gaussians, and from a Gaussian to a ``bridge-target`` made for it and for this epsilon. How
    the process joins its ends makes no difference.

    Args:
        process: the process.
        epsilon: the noise of the reference, > 0.
    """
    source, target = process.source, process.target
    first, last = _moments(source), _moments(target)
    if first is not None and last is not None:
        return GaussianBridge(*first, *last, epsilon)
    if isinstance(source, Gaussian) and isinstance(target, BridgeTarget):
        same_noise = math.isclose(target.bridge.epsilon, epsilon, rel_tol=_ROUNDING)
        return target.bridge if same_noise and _same_law(source, target.source) else None
    return None


def _moments(law: Distribution) -> tuple[Tensor, Tensor] | None:
    """Mean and covariance of a Gaussian, also where it is written as a mixture of one; None of other laws."""
    if isinstance(law, Gaussian | GaussianMixture) and len(law.weights) == 1:
        return law.means[0], law.covariances[0]
    return None


def _same_law(one: Gaussian, other: Gaussian) -> bool:
    pairs = ((one.means, other.means), (one.covariances, other.covariances))
    return all(torch.allclose(a, b, rtol=_ROUNDING, atol=_ROUNDING) for a, b in pairs)


def known_bridge(process: StochasticInterpolant, epsilon: float, where: str) -> GaussianBridge | PotentialBridge:
    """The bridge between the ends of a process.

    Args:
        process: the process.
        epsilon: the noise of the reference.
        where: the place that an error names.

    Raises:
        UsageError: it is not known.
    """
    found = reference_bridge(process, epsilon)
    if found is None:
        raise UsageError(
            "the exact bridge between these ends is not known",
            where=where,
            got=f"source {type(process.source).__name__}, target {type(process.target).__name__}, epsilon {epsilon:g}",
            allowed="a gaussian source, and as target a gaussian, or a bridge-target with the same epsilon and source",
        )
    return found


def noise_level(model: Model, epsilon: float | None, where: str) -> float:
    """The noise of an estimator's SDE: its own, or else the model's.

    Raises:
        UsageError: neither is a positive number.
    """
    level = model.epsilon if epsilon is None else epsilon
    if isinstance(level, bool) or not isinstance(level, int | float) or not 0 < level < math.inf:
        raise UsageError(
            "a bridge has a constant noise, and the model does not sample with one",
            where=f"{where}: epsilon",
            got=f"epsilon = {level!r}",
            allowed="a number > 0",
            fix="epsilon: 0.5, or that of the reference",
        )
    return float(level)
