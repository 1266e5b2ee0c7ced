"""Weighted draws: expectations under the law that is meant are ``sum_i w_i f(x_i) / sum_i w_i``.

Samplers that steer give their states such weights, as logarithms, which have no overflow.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

__all__ = ["effective_sample_size", "groups_alike", "resample", "resample_alike", "weights_of_mean_one"]


def weights_of_mean_one(log_weights: Tensor) -> Tensor:
    """The weights (B,) with mean 1, float64."""
    weights: Tensor = torch.softmax(log_weights.double(), 0) * len(log_weights)
    return weights


def effective_sample_size(log_weights: Tensor) -> float:
    """``(sum w)^2 / sum w^2``, from 1 to B: how many draws without weights know a mean as well (Kish, 1965)."""
    weights = weights_of_mean_one(log_weights)
    return float(weights.sum().square() / weights.square().sum())


def resample(log_weights: Tensor, generator: torch.Generator, n: int | None = None) -> Tensor:
    """Indices (n,) of draws without weights, each i about ``n w_i / sum w`` times; n = B where it is None.

    Systematic: one uniform number places a comb of n teeth on the cumulated weights, so each draw is taken at most once
    more or less often than is expected (Kitagawa, Journal of Computational and Graphical Statistics 5, 1996). The first
    index belongs to a tooth anywhere on it, and the others follow round the end: so each place holds i with probability
    ``w_i / sum w``, and the first few of many indices are draws of the same law as all.
    """
    n = len(log_weights) if n is None else n
    cumulated = weights_of_mean_one(log_weights).cumsum(0)
    shift = n * torch.rand((), generator=generator, dtype=torch.float64, device=log_weights.device)
    teeth = (torch.arange(n, dtype=torch.float64, device=log_weights.device) + shift).remainder(n) / n * cumulated[-1]
    return torch.searchsorted(cumulated, teeth, right=True).clamp_max(len(log_weights) - 1)


def resample_alike(
    log_weights: Tensor, generator: torch.Generator, condition: Mapping[str, Tensor] | None = None
) -> Tensor:
    """Indices (B,) of draws without weights, at each place one with the condition that stood there before.

    Weights compare draws of one condition; of several, each is resampled by itself.
    """
    places = groups_alike(condition, len(log_weights), log_weights.device)
    if len(places) == 1:
        return resample(log_weights, generator)
    chosen = torch.empty(len(log_weights), dtype=torch.long, device=log_weights.device)
    for group in places:
        chosen[group] = group[resample(log_weights[group], generator)]
    return chosen


def groups_alike(condition: Mapping[str, Tensor] | None, n: int, device: torch.device) -> list[Tensor]:
    """The places of those of n draws that were given the same, a tensor of indices for each condition there is.

    Args:
        condition: values by name, (n, *shape), or (1, *shape) where all have one; None for nothing.
        n: how many draws there are.
        device: where the indices are wanted.
    """
    own = [values for values in (condition or {}).values() if len(values) == n and n > 1]
    if not own:
        return [torch.arange(n, device=device)]
    conditions = torch.cat([values.reshape(n, -1).double().cpu() for values in own], 1)
    groups = torch.unique(conditions.nan_to_num(nan=torch.inf), dim=0, return_inverse=True)[1]
    order, sizes = groups.argsort(stable=True), torch.bincount(groups)
    return [places.to(device) for places in order.split(sizes.tolist())]
