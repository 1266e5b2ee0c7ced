"""Random Gaussian mixtures in many dimensions, with closed forms all the same."""

from __future__ import annotations

import math
from typing import Annotated

import torch
from pydantic import Field

from si_core import Largest, UsageError
from si_distributions.gaussian_mixture import GaussianMixture
from si_distributions.options import Precision, whole

__all__ = ["RandomGaussianMixture"]

_WHERE = "random-gaussian-mixture"


class RandomGaussianMixture(GaussianMixture):
    """Equal components with means from ``N(0, spread^2 I)`` and covariances ``W^T W/dim + I``, W of normal entries.

    The target of the study in 128 dimensions of arXiv 2303.08797, section 7.2.

    Args:
        dim: the dimension d.
        components: how many.
        spread: the standard deviation of the means' coordinates.
        draw: which random mixture; equal numbers give equal mixtures, whatever the seed of the recipe.
        dtype: of the draws.

    Raises:
        UsageError: an option out of range.
    """

    def __init__(
        self,
        dim: Annotated[int, Field(ge=1, le=Largest.SIDE)] = 128,
        components: Annotated[int, Field(ge=1, le=Largest.COMPONENTS)] = 5,
        spread: Annotated[float, Field(gt=0)] = 7.5,
        draw: Annotated[int, Field(ge=0, le=Largest.SEED)] = 0,
        dtype: Precision = "float32",
    ) -> None:
        if not 0 < spread < math.inf:
            raise UsageError("a finite number > 0", where=f"{_WHERE}: spread", got=spread)
        dim, components = whole(dim, "dim", _WHERE, 1), whole(components, "components", _WHERE, 1)
        if components * dim * dim > Largest.TABLE:
            raise UsageError(
                "covariances of too many entries",
                where=f"{_WHERE}: dim",
                got=f"{components} components of {dim} x {dim}",
                allowed=f"{Largest.TABLE} entries in all",
                fix=f"dim: {math.isqrt(Largest.TABLE // components)}",
            )
        generator = torch.Generator().manual_seed(whole(draw, "draw", _WHERE, 0))
        means = spread * torch.randn(components, dim, generator=generator, dtype=torch.float64)
        factors = torch.randn(components, dim, dim, generator=generator, dtype=torch.float64)
        covariances = factors.mT @ factors / dim + torch.eye(dim, dtype=torch.float64)
        super().__init__(means.tolist(), covariances=covariances.tolist(), dtype=dtype)
