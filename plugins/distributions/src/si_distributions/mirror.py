"""The mirror coupling ``x0 = x1``: the process leaves the data and comes back to it (arXiv 2303.08797, section 5)."""

from __future__ import annotations

import torch
from torch import Tensor

from si_core import Coupling, Distribution, Pairs

__all__ = ["Mirror"]


class Mirror(Coupling):
    """``x0 := x1``; the source is the target and needs no draws of its own."""

    source_is_target = True
    from_ends = True

    def pair(self, x0: Tensor, x1: Tensor, generator: torch.Generator | None = None) -> tuple[Tensor, Tensor]:
        return x1, x1

    def draw(
        self, source: Distribution | None, target: Distribution, n: int, generator: torch.Generator | None = None
    ) -> Pairs:
        """n draws of the target, each with itself; the source is not used."""
        x1, condition = target.draw(n, generator)
        return Pairs(x1, x1, condition)
