"""What is compared on features: those of data and samples, and beside them those of two samples of the data's law."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from si_core import Model
from si_estimators.comparison import ComparisonSizes
from si_estimators.features import Features
from si_estimators.options import needs_generator, points
from si_estimators.samples import ModelSamples, samples_of_one_law

__all__ = ["FeatureComparison", "compared_features"]


@dataclass(frozen=True)
class FeatureComparison:
    """Features, each (n, k) in float64.

    Args:
        drawn: the samples of the model.
        references: features of the data.
        samples: features of the model's samples.
        one_law: of two samples of the data's law, as many as there are samples and data; None where there are none, or
            they were not asked for.
        details: how many there are of each.
    """

    drawn: ModelSamples
    references: Tensor
    samples: Tensor
    one_law: tuple[Tensor, Tensor] | None
    details: dict[str, Any]

    @property
    def floor_sizes(self) -> dict[str, int]:
        """How many there are of the data's own law; nothing where there are none."""
        if self.one_law is None:
            return {}
        return {"floor_samples": len(self.one_law[0]), "floor_references": len(self.one_law[1])}


def compared_features(
    sizes: ComparisonSizes,
    features: Features,
    model: Model,
    x: Tensor,
    generator: torch.Generator | None,
    least: int,
    floor: bool = True,
) -> FeatureComparison:
    """Draw what is compared.

    Args:
        sizes: how many samples and data.
        features: of what.
        model: the model to sample.
        x: reference data in model space, shape (B, *event), B >= least.
        generator: the source of samples.
        least: how many data are needed.
        floor: whether samples of the data's own law are wanted beside.
    """
    generator = needs_generator(generator, sizes.where)
    x = points(x, model.process.shape, sizes.where, least=least)
    compared = sizes.draw(model, x, generator)
    one_law = None
    if floor:
        one_law = samples_of_one_law(model, x, len(compared.drawn.x), len(compared.references), generator)
    references, samples, *others = features.of(model, compared.references, compared.drawn.x, *(one_law or ()))
    details = {**compared.sizes, "features": references.shape[1]}
    return FeatureComparison(compared.drawn, references, samples, (others[0], others[1]) if others else None, details)
