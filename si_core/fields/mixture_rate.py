"""Weights of states that follow a mixture of fields.

For fields ``(b_k, s_k)`` of laws rho_k, which agree at the start, ``b = sum_k w_k b_k`` and ``s = sum_k w_k s_k`` with
weights that add up to one have the law ``rho ~ prod_k rho_k^{w_k}`` of states that are weighted by

    ``d log w = ( b . s - sum_k w_k b_k . s_k + sum_k w_k R_k ) dt``

with R_k the rates of the laws rho_k themselves. For two of them, weights ``1 - w`` and ``w``, that is
``w (w - 1) (b_1 - b_0) . (s_1 - s_0) dt``.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

__all__ = ["inner", "mixture_rate"]


def inner(a: Tensor, b: Tensor) -> Tensor:
    """``a . b`` of each state, shape (B,), float64."""
    return (a.double() * b.double()).reshape(len(a), -1).sum(1)


def mixture_rate(
    weights: Sequence[float],
    velocities: Sequence[Tensor],
    scores: Sequence[Tensor],
    rates: Sequence[Tensor | None],
) -> Tensor:
    """The rate of the log-weights, shape (B,), float64.

    Args:
        weights: w_k, which add up to 1.
        velocities: b_k per unit of a clock, each of the shape of the states.
        scores: s_k.
        rates: R_k per unit of that clock, None for 0.
    """
    # About the first: of two alike the difference is 0, without rounding.
    b, s = velocities[0], scores[0]
    apart_b, apart_s = [each - b for each in velocities], [each - s for each in scores]
    mean_b = torch.stack([w * each for w, each in zip(weights, apart_b, strict=True)]).sum(0)
    mean_s = torch.stack([w * each for w, each in zip(weights, apart_s, strict=True)]).sum(0)
    rate = inner(mean_b, mean_s)
    for weight, of_b, of_s, own in zip(weights, apart_b, apart_s, rates, strict=True):
        rate = rate - weight * inner(of_b, of_s)
        if own is not None:
            rate = rate + weight * own
    return rate
