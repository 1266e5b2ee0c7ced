"""An energy: it has a density up to a constant, and no samples."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field
from torch import Tensor

from si_core import Distribution

__all__ = ["TwoWells"]


class TwoWells(Distribution):
    """``log p(x) = -depth sum_i (x_i^2 - 1)^2 + tilt sum_i x_i``, up to a constant.

    Args:
        dim: the number of coordinates.
        depth: of the wells at -1 and 1.
        tilt: how much deeper that at 1 is.
    """

    def __init__(self, dim: Annotated[int, Field(ge=1, le=1000)] = 1, depth: float = 2.0, tilt: float = 0.0) -> None:
        self.shape, self.depth, self.tilt = (dim,), depth, tilt

    def log_prob(self, x: Tensor) -> Tensor:
        return (self.tilt * x - self.depth * (x.square() - 1).square()).sum(-1)
