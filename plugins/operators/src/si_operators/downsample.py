"""Means over squares of pixels: a picture at a lower resolution (super-resolution)."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field
from torch import Tensor

from si_core import Largest, UsageError
from si_operators.events import known_shape, sides
from si_operators.operator import Operator

__all__ = ["Downsample"]

_WHERE = "operator downsample"


class Downsample(Operator):
    """Each pixel of y is the mean of ``factor`` x ``factor`` pixels of x: (C, H, W) -> (C, H/factor, W/factor).

    Events (n,) have means over ``factor`` neighbours. ``fill`` repeats each pixel, which has the same means.

    Args:
        factor: pixels along each side; it divides the sides.

    Raises:
        UsageError: a factor below 2.
    """

    consistent = True

    def __init__(self, factor: Annotated[int, Field(ge=2, le=Largest.SIDE)] = 2) -> None:
        if isinstance(factor, bool) or not isinstance(factor, int) or factor < 2:
            raise UsageError("must be a whole number", where=f"{_WHERE}: factor", got=repr(factor), allowed=">= 2")
        self.factor = factor

    def apply(self, x: Tensor) -> Tensor:
        self.out_shape(tuple(x.shape[1:]))
        for axis in range(1, 1 + len(sides(tuple(x.shape[1:]), _WHERE))):
            x = x.unflatten(-axis, (-1, self.factor)).mean(-axis)
        return x

    def out_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        size = sides(shape, _WHERE)
        if any(side % self.factor for side in size):
            divisors = [str(k) for k in range(2, min(size) + 1) if not any(side % k for side in size)]
            raise UsageError(
                "the factor does not divide the sides",
                where=f"{_WHERE}: factor",
                got=f"{self.factor}, events {tuple(shape)}",
                allowed=", ".join(divisors) or "no factor: the sides have no common divisor",
            )
        return (*shape[: len(shape) - len(size)], *(side // self.factor for side in size))

    def adjoint(self, y: Tensor, shape: tuple[int, ...]) -> Tensor:
        return self.fill(y, shape) / self.factor ** len(sides(shape, _WHERE))

    def fill(self, y: Tensor, shape: tuple[int, ...]) -> Tensor:
        known_shape(y, self.out_shape(shape), "pictures of low resolution", _WHERE)
        for axis in range(1, 1 + len(sides(shape, _WHERE))):
            y = y.repeat_interleave(self.factor, -axis)
        return y
