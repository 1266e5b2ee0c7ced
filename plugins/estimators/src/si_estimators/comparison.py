"""What is compared: samples of a model and as many of the reference data, up to a limit, for the price is quadratic."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from si_core import Model
from si_estimators.options import whole
from si_estimators.samples import ModelSamples, model_samples

__all__ = ["LIMIT", "Comparison", "ComparisonSizes"]

LIMIT = 10_000
"""How many samples and data are compared by default, at most: some 5 s on one core."""


@dataclass(frozen=True)
class Comparison:
    """What is compared.

    Args:
        drawn: the samples.
        references: the data, shape (m, *event).
        sizes: how many there are of each, for the details.
    """

    drawn: ModelSamples
    references: Tensor
    sizes: dict[str, Any]


@dataclass(frozen=True)
class ComparisonSizes:
    """How many samples are compared with how many data: options that several estimators share.

    Args:
        where: the estimator's name.
        samples: the number of model samples; None for as many as there are reference data, up to the limit.
        limit: of the number of samples where it is left open, and of data.
        batch: how many samples are made at once.
        least: how many of each are needed.
        balanced: whether no more data than samples are compared. Of more of them a part is chosen at random.

    Raises:
        UsageError: an option out of range.
    """

    where: str
    samples: int | None
    limit: int
    batch: int
    least: int
    balanced: bool = True

    def __post_init__(self) -> None:
        for name, least in (("samples", self.least), ("limit", self.least), ("batch", 1)):
            if getattr(self, name) is not None:
                whole(getattr(self, name), name, self.where, least)

    def draw(self, model: Model, x: Tensor, generator: torch.Generator) -> Comparison:
        """Samples of a model, and those of the reference data x (B, *event) that they are compared with."""
        n = self.samples or min(len(x), self.limit)
        m = min(len(x), n if self.balanced else max(n, self.limit))
        sizes: dict[str, Any] = {"samples": n, "references": m}
        if m < len(x):
            sizes["references_given"] = len(x)
            x = x[torch.randperm(len(x), generator=generator, device=x.device)[:m]]
        return Comparison(model_samples(model, n, self.batch, generator), x, sizes)
