"""Samples in data space: what sampling gives, block by block or all at once."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import Tensor

from si_core.contract.condition import Condition
from si_core.contract.weights import resample_alike
from si_core.models.streams import reseed

__all__ = ["Samples", "joined"]


@dataclass(frozen=True)
class Samples:
    """Samples in data space, on the CPU.

    Args:
        x: shape (n, *event).
        condition: what they were given, by name, each (n, *shape); None where nothing was.
        log_weights: shape (n,); None where x has the law that is meant.
    """

    x: Tensor
    condition: Condition | None = None
    log_weights: Tensor | None = None

    def without_weights(self, seed: int) -> Tensor:
        """Draws of the law that is meant, shape (n, *event): resampled where there are weights, among those alike."""
        rows = self.chosen(seed)
        return self.x if rows is None else self.x[rows]

    def chosen(self, seed: int) -> Tensor | None:
        """Which samples are draws of the law that is meant, (n,), resampled by their weights; None for all."""
        if self.log_weights is None:
            return None
        stream = reseed(torch.Generator(self.x.device), seed, "sample", 1, 0)
        return resample_alike(self.log_weights, stream, self.condition)


def joined(blocks: Iterable[Samples]) -> Samples:
    """All samples of some blocks, one at least, in order."""
    parts = list(blocks)
    names = parts[0].condition or {}
    condition = {name: torch.cat([part.condition[name] for part in parts if part.condition]) for name in names}
    weights = [part.log_weights for part in parts if part.log_weights is not None]
    return Samples(torch.cat([part.x for part in parts]), condition or None, torch.cat(weights) if weights else None)
