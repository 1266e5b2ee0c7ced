"""What a sample covers: balls about its points that reach to their k-th nearest neighbours.

(Kynkaanniemi et al., *Improved precision and recall*, arXiv 1904.06991.) Both the balls and who lies in one are looked
at for the whole sample and without each of its groups (:mod:`si_estimators.jackknife`), in blocks.
"""

from __future__ import annotations

import torch
from torch import Tensor

from si_estimators.jackknife import GROUPS, group_of

__all__ = ["covered"]

_BLOCK = 1024


def covered(balls: Tensor, points: Tensor, neighbours: int) -> Tensor:
    """Which points lie within a ball, (1 + g, m) bool: of all balls, and of those of the sample without each group.

    ``|y - x_i| <= r_i`` for some i, ``r_i`` being the distance from x_i to its k-th nearest other point of the sample.

    Args:
        balls: the sample (n, d), n large enough for k other points in it without a group.
        points: (m, d).
        neighbours: k.
    """
    group = group_of(len(balls), balls.device)
    radii = _radii(balls, group, neighbours)
    found = torch.zeros(1 + GROUPS, len(points), dtype=torch.bool, device=balls.device)
    for first in range(0, len(points), _BLOCK):
        distance = torch.cdist(points[first : first + _BLOCK], balls)
        for j in range(1 + GROUPS):
            # A ball that is not there has a radius of minus infinity.
            found[j, first : first + _BLOCK] = (distance <= radii[j]).any(1)
    return found


def _radii(x: Tensor, group: Tensor, neighbours: int) -> Tensor:
    """The radii of the balls, (1 + g, n)."""
    radii = x.new_empty(1 + GROUPS, len(x))
    for first in range(0, len(x), _BLOCK):
        rows = slice(first, first + _BLOCK)
        distance = torch.cdist(x[rows], x)
        distance[torch.arange(len(distance)), torch.arange(first, first + len(distance))] = torch.inf
        for j in range(1 + GROUPS):
            there = distance if j == 0 else distance[:, group != j - 1]
            radii[j, rows] = there.topk(neighbours, dim=1, largest=False, sorted=False).values.amax(1)
    for j in range(GROUPS):
        radii[1 + j, group == j] = -torch.inf
    return radii
