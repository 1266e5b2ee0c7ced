"""All mass at one point: the source of diffusive processes and of forecasts."""

from __future__ import annotations

import torch
from torch import Tensor

from si_core import Distribution, Moments, UsageError
from si_distributions.options import Precision, numbers, precision
from si_distributions.placement import Placed
from si_distributions.randomness import device_of

__all__ = ["PointMass"]

_WHERE = "point-mass"


class PointMass(Distribution):
    """The law of a constant; it has no density, and no ODE can leave it.

    Args:
        point: d numbers; from Python also an array of any event shape. One number stands for all coordinates, where the
            shape is known.
        dtype: of the draws.
        default_shape: the shape of a point that is one number; a recipe gives a source that of its target.

    Raises:
        UsageError: a point without coordinates, or one number for a shape that is not known.
    """

    def __init__(
        self, point: float | list[float], dtype: Precision = "float32", default_shape: tuple[int, ...] | None = None
    ) -> None:
        self._dtype = precision(dtype, _WHERE)
        found = numbers(point, "point", _WHERE)
        if not found.ndim and default_shape:
            found = found.expand(default_shape).clone()
        if not found.ndim or not found.numel():
            raise UsageError(
                "a point has at least one coordinate", where=f"{_WHERE}: point", got=point, fix="write a list"
            )
        self.shape = tuple(found.shape)
        self.point = found
        self._point = Placed(found)

    @property
    def moments(self) -> Moments:
        return Moments(float(self.point.square().mean()), 0.0, 0.0)

    def sample(self, n: int, generator: torch.Generator | None = None) -> Tensor:
        """The point n times, shape (n, *shape)."""
        return self._point.on(device_of(generator), self._dtype).repeat(n, *(1 for _ in self.shape))
