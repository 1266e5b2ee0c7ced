"""The jackknife over groups: how a number scatters, and how far it is off, by what it is without a part of its sample.

    ``Var T = (g-1)/g sum_j (T_-j - mean T_-j)^2``,   ``E T - T(infinity) = (g-1) (mean T_-j - T)``

for a smooth function of means over the sample whose bias is of the order ``1/n`` (Efron and Stein, Annals of Statistics
9, 1981; Shao and Wu, Annals of Statistics 17, 1989).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor

__all__ = ["GROUPS", "Jackknife", "group_of", "without_each_group"]

GROUPS: Final = 10
_SEED = 0


@dataclass(frozen=True)
class Jackknife:
    """What a number is without each of the groups.

    Args:
        values: shape (g,), float64.
    """

    values: Tensor

    @property
    def error(self) -> float:
        """The standard error by the choice of the sample."""
        return math.sqrt((len(self.values) - 1) * float(self.values.var(correction=0)))

    def bias(self, whole: float) -> float:
        """By how much the number of the whole sample is too large on average."""
        return (len(self.values) - 1) * (float(self.values.mean()) - whole)


def group_of(n: int, device: torch.device) -> Tensor:
    """The group of each of n rows, (n,), equally large but for one row.

    They are drawn, by a fixed seed: rows may stand in an order, such as classes in turn.
    """
    order = torch.randperm(n, generator=torch.Generator().manual_seed(_SEED))
    return (order % GROUPS).to(device)


def without_each_group(x: Tensor, number: Callable[[Tensor], float]) -> Jackknife:
    """A number of the rows x (n, ...) without each group, n >= 2 groups."""
    group = group_of(len(x), x.device)
    return Jackknife(torch.tensor([number(x[group != j]) for j in range(GROUPS)], dtype=torch.float64))
