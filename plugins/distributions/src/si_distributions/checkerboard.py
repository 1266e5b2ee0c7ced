"""The checkerboard: uniform on every other cell of a square, with sharp edges that test a model's resolution."""

from __future__ import annotations

import math
from functools import cached_property
from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor

from si_core import Distribution, Moments
from si_distributions.options import Precision, event_rows, positive, precision, whole
from si_distributions.placement import Placed
from si_distributions.randomness import indices, uniform

__all__ = ["Checkerboard"]

_WHERE = "checkerboard"
_MOST = 1024
"""Cells along a side: the dark ones stand in a table."""


class Checkerboard(Distribution):
    """Uniform on the cells (i, j) of ``[-extent, extent]^2`` with i + j even.

    ``p = 1/(number of dark cells x area of a cell)`` inside, 0 outside; standard deviation ``extent/sqrt(3)`` in each
    dimension for an even number of cells, 1.15 by default.

    Args:
        cells: the number of cells along a side.
        extent: half the side of the board.
        dtype: of the draws.
    """

    shape = (2,)

    def __init__(
        self,
        cells: Annotated[int, Field(ge=1, le=_MOST)] = 4,
        extent: Annotated[float, Field(gt=0)] = 2.0,
        dtype: Precision = "float32",
    ) -> None:
        self.cells, self.extent = whole(cells, "cells", _WHERE, 1), positive(extent, "extent", _WHERE)
        self._dtype = precision(dtype, _WHERE)
        dark = [(i, j) for i in range(self.cells) for j in range(self.cells) if (i + j) % 2 == 0]
        self._corners = Placed(torch.tensor(dark))
        self.entropy = math.log(len(dark)) + 2 * math.log(2 * self.extent / self.cells)
        """The differential entropy, in nats: ``log`` of the dark area."""
        side = 2 * self.extent / self.cells
        self.breakpoints = (tuple(side * k - self.extent for k in range(self.cells + 1)),) * 2

    @cached_property
    def moments(self) -> Moments:
        side = 2 * self.extent / self.cells
        of_cells = Moments.of_points((self._corners.tensor.double() + 0.5) * side - self.extent)
        # Within a cell it is uniform, with variance side^2/12.
        return Moments(of_cells.mean_square, of_cells.variance + side * side / 12)

    def sample(self, n: int, generator: torch.Generator | None = None) -> Tensor:
        """n draws: a dark cell, then a point in it; shape (n, 2)."""
        corner = self._corners.rows(indices(n, len(self._corners.tensor), generator))
        u = uniform((n, 2), self._dtype, generator)
        # Away from the edges by a few units of rounding, so that log_prob finds each draw in its own cell.
        margin = 4 * self.cells * torch.finfo(self._dtype).eps
        u = margin + (1 - 2 * margin) * u
        return (corner + u) * (2 * self.extent / self.cells) - self.extent

    def log_prob(self, x: Tensor) -> Tensor:
        """``-log(dark area)`` on the dark cells, -inf elsewhere; shape (B,), in nats."""
        cell = ((event_rows(x, self.shape, _WHERE) + self.extent) * (self.cells / (2 * self.extent))).floor()
        on_board = ((cell >= 0) & (cell < self.cells)).all(-1)
        dark = cell.sum(-1).remainder(2) == 0
        return torch.full_like(x[:, 0], -self.entropy).masked_fill(~(on_board & dark), -math.inf)
