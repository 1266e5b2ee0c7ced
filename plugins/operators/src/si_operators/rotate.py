"""Pictures turned about their middle."""

from __future__ import annotations

import math
from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor

from si_core import UsageError
from si_operators.events import known_shape
from si_operators.operator import Operator

__all__ = ["Rotate"]

_WHERE = "operator rotate"


class Rotate(Operator):
    """Each pixel is what stands, turned back, at its place: bilinear between four pixels, zero outside of the picture.

    Counterclockwise, for events (H, W) and (C, H, W). ``fill`` is the turned picture as it is.

    Args:
        angle: in degrees.

    Raises:
        UsageError: an angle out of range.
    """

    def __init__(self, angle: Annotated[float, Field(ge=-180, le=180)] = 45.0) -> None:
        if isinstance(angle, bool) or not isinstance(angle, int | float) or not -180 <= angle <= 180:
            raise UsageError("an angle in degrees", where=f"{_WHERE}: angle", got=repr(angle), allowed="-180 to 180")
        self.angle = float(angle)

    def out_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        if len(shape) not in (2, 3):
            raise UsageError("pictures are turned", where=_WHERE, got=f"events {shape}", allowed="(H, W), (C, H, W)")
        return tuple(shape)

    def apply(self, x: Tensor) -> Tensor:
        self.out_shape(tuple(x.shape[1:]))
        places, weights = self._corners((x.shape[-2], x.shape[-1]))
        found = x.flatten(-2)[..., places.to(x.device)] * weights.to(x)
        return found.sum(-1).reshape(x.shape)

    def adjoint(self, y: Tensor, shape: tuple[int, ...]) -> Tensor:
        known_shape(y, self.out_shape(shape), "turned pictures", _WHERE)
        places, weights = self._corners((shape[-2], shape[-1]))
        parts = (y.flatten(-2).unsqueeze(-1) * weights.to(y)).flatten(-2)
        return torch.zeros_like(y).flatten(-2).index_add(-1, places.flatten().to(y.device), parts).reshape(y.shape)

    def fill(self, y: Tensor, shape: tuple[int, ...]) -> Tensor:
        return known_shape(y, self.out_shape(shape), "turned pictures", _WHERE)

    def _corners(self, size: tuple[int, int]) -> tuple[Tensor, Tensor]:
        """For each pixel the four that it is between, (H W, 4), and their weights; 0 outside of the picture."""
        height, width = size
        cosine, sine = math.cos(math.radians(self.angle)), math.sin(math.radians(self.angle))
        down, right = torch.meshgrid(
            torch.arange(height, dtype=torch.float64) - (height - 1) / 2,
            torch.arange(width, dtype=torch.float64) - (width - 1) / 2,
            indexing="ij",
        )
        # Rows count downwards: what is turned counterclockwise comes from the clockwise side.
        row = (cosine * down + sine * right + (height - 1) / 2).flatten()
        column = (cosine * right - sine * down + (width - 1) / 2).flatten()
        places, weights = [], []
        for below in (0, 1):
            for beside in (0, 1):
                i, j = row.floor() + below, column.floor() + beside
                weight = (1 - (row - i).abs()) * (1 - (column - j).abs())
                inside = (i >= 0) & (i < height) & (j >= 0) & (j < width)
                places.append((i.clamp(0, height - 1) * width + j.clamp(0, width - 1)).long())
                weights.append(torch.where(inside, weight, 0.0))
        return torch.stack(places, -1), torch.stack(weights, -1)
