"""Pairs for a target that can't be drawn from: proposals of a Gaussian, weighted by its density over theirs."""

from __future__ import annotations

from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor

from si_core import Coupling, Distribution, Pairs

__all__ = ["Proposals"]


class Proposals(Coupling):
    """``x1 ~ N(0, width^2)`` with ``weight = p(x1)/q(x1)``, in mean 1 over the pairs of a batch.

    Args:
        width: the standard deviation of the proposals.
    """

    def __init__(self, width: Annotated[float, Field(gt=0)] = 1.2) -> None:
        self.width = width

    def pair(self, x0: Tensor, x1: Tensor, generator: torch.Generator | None = None) -> tuple[Tensor, Tensor]:
        return x0, x1

    def draw(
        self, source: Distribution, target: Distribution, n: int, generator: torch.Generator | None = None
    ) -> Pairs:
        x0 = source.sample(n, generator)
        x1 = self.width * torch.empty_like(x0).normal_(generator=generator)
        log_weight = target.log_prob(x1) + (x1 / self.width).square().flatten(1).sum(1) / 2
        return Pairs(x0, x1, weight=torch.softmax(log_weight, 0) * n)
