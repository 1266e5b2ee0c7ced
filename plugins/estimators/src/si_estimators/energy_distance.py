"""The energy distance, ``2 E|X-Y| - E|X-X'| - E|Y-Y'|``: 0 for equal laws and for no others.

Székely and Rizzo, Journal of Statistical Planning and Inference 143, 2013.
"""

from __future__ import annotations

import math
from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor

from si_core import Estimate, Estimator, Largest, Model
from si_estimators.comparison import LIMIT, ComparisonSizes
from si_estimators.options import needs_generator, points
from si_estimators.two_sample import two_sample

__all__ = ["EnergyDistance"]

_WHERE = "energy-distance"


def _minus_distance(a: Tensor, b: Tensor) -> Tensor:
    return torch.cdist(a, b).neg_()


class EnergyDistance(Estimator):
    """The squared energy distance between samples of the model and reference data, in model space, *unbiased*.

    ``2 E|X-Y| - E|X-X'| - E|Y-Y'|`` with Euclidean distances of flattened events, over pairs of different points: it
    scatters about 0 for equal laws, and may be negative. Its root is among the details.

    Args:
        samples: the number of model samples; None for as many as there are reference data, up to the limit.
        batch: how many samples are made at once.
        limit: of the number of samples where it is left open. Of more data than samples as many as these are compared,
            chosen at random, which the details tell; the standard error is that of what is compared. The time is that
            of n^2 distances: some 5 s for 10,000 of each on one core, 9 minutes for 100,000.

    Raises:
        UsageError: an option out of range.
    """

    needs = frozenset({"samples"})
    quantity = "energy-distance"

    def __init__(
        self,
        samples: Annotated[int, Field(ge=4, le=Largest.POINTS)] | None = None,
        batch: Annotated[int, Field(ge=1, le=Largest.BATCH)] = 4096,
        limit: Annotated[int, Field(ge=4, le=Largest.PAIRWISE)] = LIMIT,
    ) -> None:
        self.sizes = ComparisonSizes(_WHERE, samples, limit, batch, 4)

    def estimate(self, model: Model, x: Tensor, generator: torch.Generator | None = None) -> Estimate:
        """Measure.

        Args:
            model: the model to sample.
            x: reference data in model space, shape (B, *event), B >= 4.
            generator: the source of samples.
        """
        x = points(x, model.process.shape, _WHERE, least=4)
        with torch.no_grad():
            compared = self.sizes.draw(model, x, needs_generator(generator, _WHERE))
            value, error = two_sample(_minus_distance, compared.drawn.x, compared.references)
        details = {"distance": math.sqrt(max(0.0, value)), **compared.sizes}
        return compared.drawn.qualified(Estimate(_WHERE, value, error, "unbiased", "1", details=details))
