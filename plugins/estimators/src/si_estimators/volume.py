"""The change of volume along the flow of an ODE, for a batch of points, by the two forms in which it is found."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from si_core import Integrator, Transport
from si_estimators.augmented import AugmentedFlow

__all__ = ["VolumeChange", "coupled_volume"]


@dataclass(frozen=True)
class VolumeChange:
    """Where points are carried, and ``l = int div b du`` along their paths, so that ``log rho(x) = log rho(X) + l``.

    Args:
        final: where the paths end, shape (B, *event).
        log_volume: l, shape (B, K): one column, or one for each probe of the divergence.
        evaluations: how often the drift was evaluated along the paths.
        divergences: how often the divergence was, at each point, shape (B,).
        error: an estimate of the error of l beyond that of the integrator, in size and for each point, shape (B,); None
            where the integrator finds l itself.
    """

    final: Tensor
    log_volume: Tensor
    evaluations: int
    divergences: Tensor
    error: Tensor | None


def coupled_volume(transport: Transport, x: Tensor, integrator: Integrator, probes: Tensor | None) -> VolumeChange:
    """The states and l as one ODE (:mod:`si_estimators.augmented`): a divergence at every evaluation of the drift.

    Args:
        transport: the ODE.
        x: the points, shape (B, *event).
        integrator: the method.
        probes: probes of the divergence, shape (K, B, *event); None for the exact one.
    """
    flow = AugmentedFlow(transport, tuple(x.shape[1:]), probes)
    solution = integrator.solve(flow, flow.initial(x))
    final, log_volume = flow.split(solution.final)
    count = torch.full((len(x),), solution.evaluations, device=x.device)
    return VolumeChange(final, log_volume, solution.evaluations, count, None)
