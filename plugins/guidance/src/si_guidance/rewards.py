"""Rewards: numbers of points in data space that samples are to have more of."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor

from si_core import Largest, UsageError
from si_guidance.options import finite

__all__ = ["Linear", "Quadratic", "Reward"]

Numbers = Annotated[list[float], Field(min_length=1, max_length=Largest.POINTS)]
"""One number for every coordinate, or one for all of them."""


class Reward(ABC):
    """A reward ``r(x)`` in nats: ``e^r`` multiplies the density of samples. Author: :meth:`value`."""

    @abstractmethod
    def value(self, x: Tensor) -> Tensor:
        """The reward of each point, shape (B,); to be differentiated by x with torch.

        Args:
            x: points in data space, shape (B, *event).
        """

    def __call__(self, x: Tensor) -> Tensor:
        return self.value(x)


class Linear(Reward):
    """``r(x) = sum_i a_i x_i``: an exponential tilt; a Gaussian with covariance C moves by ``C a``.

    Args:
        slope: a, a number for each coordinate, or one for all.

    Raises:
        UsageError: numbers that are not finite; later: another number of them than coordinates.
    """

    def __init__(self, slope: Numbers | float = 1.0) -> None:
        self.slope = _numbers(slope, "slope", "linear-reward")

    def value(self, x: Tensor) -> Tensor:
        """``a . x``, shape (B,)."""
        flat = x.reshape(len(x), -1)
        return (flat * _fitting(self.slope, flat, "linear-reward")).sum(1)


class Quadratic(Reward):
    """``r(x) = -|x - point|^2 / (2 width^2)``: near a point, as an observation of x with Gaussian noise has it.

    Args:
        point: a number for each coordinate, or one for all.
        width: the standard deviation.

    Raises:
        UsageError: numbers that are not finite, or a width that is not above 0; later: another number of them than
            coordinates.
    """

    def __init__(self, point: Numbers | float = 0.0, width: Annotated[float, Field(gt=0, le=1e12)] = 1.0) -> None:
        self.point = _numbers(point, "point", "quadratic-reward")
        self.width = finite(width, "width", "quadratic-reward", 0.0)

    def value(self, x: Tensor) -> Tensor:
        """``-|x - point|^2 / (2 width^2)``, shape (B,)."""
        flat = x.reshape(len(x), -1)
        return -(flat - _fitting(self.point, flat, "quadratic-reward")).square().sum(1) / (2 * self.width**2)


def _numbers(values: list[float] | float, name: str, where: str) -> list[float]:
    given = values if isinstance(values, list) else [values]
    return [finite(value, name, where) for value in given]


def _fitting(numbers: list[float], flat: Tensor, where: str) -> Tensor:
    if len(numbers) not in (1, flat.shape[1]):
        raise UsageError(
            "a number for each coordinate, or one for all",
            where=where,
            got=str(len(numbers)),
            allowed=f"{flat.shape[1]}",
        )
    return torch.tensor(numbers, dtype=flat.dtype, device=flat.device)
