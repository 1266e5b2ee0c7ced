"""The energy distance, ``2 E|X-Y| - E|X-X'| - E|Y-Y'|``: 0 for equal laws and for no others.

Székely and Rizzo, Journal of Statistical Planning and Inference 143, 2013.
"""

from __future__ import annotations

import math
from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor

from si_core import Estimate, Estimator, Model
from si_estimators.options import needs_generator, points, whole
from si_estimators.samples import model_samples
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
        samples: the number of model samples; None for as many as there are reference data.
        batch: how many samples are made at once.

    Raises:
        UsageError: an option out of range.
    """

    needs = frozenset({"samples"})
    quantity = "energy-distance"

    def __init__(
        self, samples: Annotated[int, Field(ge=4)] | None = None, batch: Annotated[int, Field(ge=1)] = 4096
    ) -> None:
        self.samples = None if samples is None else whole(samples, "samples", _WHERE, 4)
        self.batch = whole(batch, "batch", _WHERE)

    def estimate(self, model: Model, x: Tensor, generator: torch.Generator | None = None) -> Estimate:
        """Measure.

        Args:
            model: the model to sample.
            x: reference data in model space, shape (B, *event), B >= 4.
            generator: the source of samples.
        """
        x = points(x, model.process.shape, _WHERE, least=4)
        with torch.no_grad():
            drawn = model_samples(model, self.samples or len(x), self.batch, needs_generator(generator, _WHERE))
            y = drawn.x
            value, error = two_sample(_minus_distance, y, x)
        details = {"distance": math.sqrt(max(0.0, value)), "samples": len(y), "references": len(x)}
        return drawn.qualified(Estimate(_WHERE, value, error, "unbiased", "1", details=details))
