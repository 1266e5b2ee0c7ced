"""So many samples of each class: the labels of a request, by the number of a sample."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

__all__ = ["ClassCounts"]


@dataclass(frozen=True)
class ClassCounts:
    """Of a condition with classes, how many samples are to have each; one class after another, in their order.

    Args:
        name: of the condition.
        counts: how many, by the place of the class, at least one in all.
    """

    name: str
    counts: Mapping[int, int]

    @property
    def number(self) -> int:
        """How many in all."""
        return sum(self.counts.values())

    def labels(self, first: int, size: int) -> Tensor:
        """The places of the classes of samples ``first`` to ``first + size``, (size,) int64.

        Samples beyond the last one, which the last block of a request draws and drops, have the last class.
        """
        places = torch.tensor(sorted(self.counts), dtype=torch.int64)
        ends = torch.tensor([self.counts[place] for place in sorted(self.counts)], dtype=torch.int64).cumsum(0)
        index = torch.searchsorted(ends, torch.arange(first, first + size), right=True)
        return places[index.clamp_max(len(places) - 1)]
