"""Pairs of neighbouring snapshots, each on the interval of time between them."""

from __future__ import annotations

from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor

from si_core import Coupling, Distribution, Pairs, UsageError

__all__ = ["Snapshots"]


class Snapshots(Coupling):
    """Half of the pairs go from the source to ``N(mean, std^2 I)`` at a time, half from there to the target.

    Args:
        mean: of the snapshot.
        std: its standard deviation.
        at: its time.
    """

    intervals = True

    def __init__(
        self,
        mean: float = 0.0,
        std: Annotated[float, Field(gt=0)] = 1.0,
        at: Annotated[float, Field(gt=0, lt=1)] = 0.5,
    ) -> None:
        self.mean, self.std, self.at = mean, std, at

    def pair(self, x0: Tensor, x1: Tensor, generator: torch.Generator | None = None) -> tuple[Tensor, Tensor]:
        return x0, x1

    def draw(
        self, source: Distribution, target: Distribution, n: int, generator: torch.Generator | None = None
    ) -> Pairs:
        if target.conditions:
            raise UsageError("a snapshot has no conditions", got=", ".join(target.conditions))
        x0, x1 = source.sample(n, generator), target.sample(n, generator)
        middle = self.mean + self.std * torch.empty_like(x1).normal_(generator=generator)
        late = torch.arange(n, device=x1.device) % 2 == 1
        chosen = late.reshape(-1, *(1 for _ in x1.shape[1:]))
        interval = torch.where(late, self.at, 0.0), torch.where(late, 1.0, self.at)
        return Pairs(torch.where(chosen, middle, x0), torch.where(chosen, x1, middle), interval=interval)
