"""Pairs for a target that can't be drawn from: proposals of a Gaussian, weighted by its density over theirs."""

from __future__ import annotations

from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor

from si_core import Coupling, Distribution, Pairs, UsageError

__all__ = ["Proposals"]

_MANY = 20_000


class Proposals(Coupling):
    """``x1 ~ N(0, width^2)`` with ``weight = p(x1)/q(x1)``, over its mean in 20,000 draws that are always the same.

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
        if target.conditions:
            raise UsageError("proposals come without the target's conditions", got=", ".join(target.conditions))
        x0 = source.sample(n, generator)
        x1, weight = self._proposed(target, n, x0, generator)
        many = torch.Generator(x0.device).manual_seed(0)
        mean = self._proposed(target, _MANY, x0, many)[1].mean()
        return Pairs(x0, x1, weight=weight / mean)

    def _proposed(
        self, target: Distribution, n: int, like: Tensor, generator: torch.Generator | None
    ) -> tuple[Tensor, Tensor]:
        z = like.new_empty(n, *like.shape[1:]).normal_(generator=generator)
        x1 = self.width * z
        return x1, (target.log_prob(x1) + z.square().flatten(1).sum(1) / 2).exp()
