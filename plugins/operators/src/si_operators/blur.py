"""Gaussian blur along the sides of a picture."""

from __future__ import annotations

import math
from typing import Annotated, Literal

import torch
from pydantic import Field
from torch import Tensor

from si_core import Largest, UsageError
from si_operators.events import known_shape, sides
from si_operators.operator import Operator

__all__ = ["Blur"]

_WHERE = "operator blur"
_RADIUS = 4
"""Offsets that are weighted, in widths: what is beyond has 6e-5 of the weight."""

_BOUNDARIES = ("reflect", "periodic")


class Blur(Operator):
    """``(A x)_i = sum_o w_o x_{i + o}`` along each side, ``w_o ~ exp(-o^2 / 2 width^2)``, of sum 1.

    The sum goes over offsets up to 4 widths. As a matrix for each side, however long the offsets, so that the adjoint
    is exact: the transposed. ``fill`` is the blurred picture as it is.

    Args:
        width: the standard deviation, in pixels.
        boundary: what is beyond the picture: reflect, its mirror image at the edge of the last pixel, so that a
            constant stays; or periodic, its other side.

    Raises:
        UsageError: options out of range.
    """

    def __init__(
        self,
        width: Annotated[float, Field(gt=0, le=Largest.SIDE)] = 1.0,
        boundary: Literal["reflect", "periodic"] = "reflect",
    ) -> None:
        if isinstance(width, bool) or not isinstance(width, int | float) or not 0 < width < math.inf:
            raise UsageError("must be a positive number", where=f"{_WHERE}: width", got=repr(width), allowed="> 0")
        if boundary not in _BOUNDARIES:
            got, allowed = repr(boundary), ", ".join(_BOUNDARIES)
            raise UsageError("unknown boundary", where=f"{_WHERE}: boundary", got=got, allowed=allowed)
        self.width, self.boundary = float(width), boundary

    def apply(self, x: Tensor) -> Tensor:
        return self._along(x, transposed=False)

    def out_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        sides(shape, _WHERE)
        return tuple(shape)

    def adjoint(self, y: Tensor, shape: tuple[int, ...]) -> Tensor:
        return self._along(known_shape(y, shape, "blurred pictures", _WHERE), transposed=True)

    def fill(self, y: Tensor, shape: tuple[int, ...]) -> Tensor:
        return known_shape(y, shape, "blurred pictures", _WHERE)

    def _along(self, x: Tensor, transposed: bool) -> Tensor:
        for axis, length in enumerate(reversed(sides(tuple(x.shape[1:]), _WHERE)), 1):
            matrix = self.matrix(length).to(x)
            x = (x.movedim(-axis, -1) @ (matrix if transposed else matrix.T)).movedim(-1, -axis)
        return x

    def matrix(self, length: int) -> Tensor:
        """The map of lines of a length, (length, length), float64."""
        radius = math.ceil(_RADIUS * self.width)
        offsets = torch.arange(-radius, radius + 1)
        weights = (-0.5 * (offsets.double() / self.width).square()).softmax(0)
        places = torch.arange(length)[:, None] + offsets
        if self.boundary == "periodic":
            places = places % length
        else:
            places = places % (2 * length)
            places = torch.where(places < length, places, 2 * length - 1 - places)
        return torch.zeros(length, length, dtype=torch.float64).scatter_add_(1, places, weights.expand(length, -1))
