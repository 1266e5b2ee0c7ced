"""What is known of the size of a law: how far out its states are, and how far apart."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from si_core.errors import UsageError

__all__ = ["Moments"]


@dataclass(frozen=True)
class Moments:
    """First and second moments of a law on d numbers, in model space.

    They say what a drift with noise has to hold together: with the noise level epsilon, a Gaussian of variance C is
    pulled together at the rate ``epsilon/C``, and a method whose steps are long beside ``C/epsilon`` throws states out
    instead.

    Args:
        mean_square: ``|E x|^2 / d``.
        variance: ``E|x - E x|^2 / d``.
        narrowest: the least variance in any direction, of a mixture that within any mode; None where it is not known.
        mean: ``E x``, shape of an event, of a law that is ``N(m, C I)``; else None.

    Raises:
        UsageError: a number that is negative or not finite.
    """

    mean_square: float
    variance: float
    narrowest: float | None = None
    mean: Tensor | None = field(default=None, compare=False)

    def __post_init__(self) -> None:
        for name, value in (
            ("mean_square", self.mean_square),
            ("variance", self.variance),
            ("narrowest", self.narrowest),
        ):
            if value is not None and not 0 <= value < math.inf:
                raise UsageError("a moment is a number", where=f"Moments.{name}", got=value, allowed="finite, >= 0")

    @property
    def mean_size(self) -> float:
        """``E|x|^2 / d``."""
        return self.mean_square + self.variance

    @classmethod
    def of_points(cls, points: Tensor, weights: Tensor | None = None) -> Moments:
        """Those of the law of equally likely points, shape (N, *event), or of points with weights of sum 1, shape (N,).

        The sums are taken in double precision, part by part.
        """
        rows = points.flatten(1) if points.ndim > 1 else points.unsqueeze(1)
        shares = torch.full((len(rows),), 1.0 / len(rows), dtype=torch.float64) if weights is None else weights.double()
        starts = range(0, len(rows), _PART)
        parts = [(rows[i : i + _PART].double(), shares[i : i + _PART]) for i in starts]
        mean = sum(share @ part for part, share in parts)
        variance = sum(float(share @ (part - mean).square().mean(1)) for part, share in parts)
        return cls(float(torch.as_tensor(mean).square().mean()), variance)

    def plain(self) -> dict[str, Any]:
        """As plain data, without the mean."""
        return {"mean_square": self.mean_square, "variance": self.variance, "narrowest": self.narrowest}


_PART = 4096
"""Rows in double precision at a time."""
