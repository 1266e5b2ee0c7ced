"""A learned spatially linear interpolant: alpha and beta as series whose ends are built in.

    ``alpha = 1 - t + t(1-t) sum_k a_k cos(pi k t)``,     ``beta = t + t(1-t) sum_k b_k cos(pi k t)``,     k = 0, 1, ...

The coefficients begin at 0, with the linear path. Between Gaussians whose covariances commute, paths of this kind reach
the Schrödinger bridge in one dimension (arXiv 2303.08797, section 5.3); in general they are a family within which the
best is found.
"""

from __future__ import annotations

import math
from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor, nn

from si_core import SpatiallyLinear, UniformClock, UsageError

__all__ = ["LearnedLinear"]


class LearnedLinear(nn.Module, SpatiallyLinear):
    """Alpha and beta, each the linear one plus ``t(1-t)`` times a trained cosine series.

    Args:
        terms: the number of coefficients of each series.

    Raises:
        UsageError: no positive number of terms.
    """

    clock = UniformClock()

    def __init__(self, terms: Annotated[int, Field(ge=1, le=64)] = 6) -> None:
        super().__init__()
        if isinstance(terms, bool) or not isinstance(terms, int) or terms < 1:
            raise UsageError("a series has terms", where="learned-linear: terms", got=repr(terms), allowed=">= 1")
        self.of_alpha = nn.Parameter(torch.zeros(terms, dtype=torch.float64))
        self.of_beta = nn.Parameter(torch.zeros(terms, dtype=torch.float64))

    def alpha(self, t: Tensor) -> Tensor:
        return 1 - t + _series(self.of_alpha, t)

    def beta(self, t: Tensor) -> Tensor:
        return t + _series(self.of_beta, t)

    def alpha_dot(self, t: Tensor) -> Tensor:
        return -1 + _derivative(self.of_alpha, t)

    def beta_dot(self, t: Tensor) -> Tensor:
        return 1 + _derivative(self.of_beta, t)


def _waves(terms: int, t: Tensor) -> tuple[Tensor, Tensor]:
    frequencies = math.pi * torch.arange(terms, dtype=t.dtype, device=t.device)
    angles = t.unsqueeze(-1) * frequencies
    return angles.cos(), -frequencies * angles.sin()


def _series(coefficients: Tensor, t: Tensor) -> Tensor:
    wave, _ = _waves(len(coefficients), t)
    return t * (1 - t) * (wave @ coefficients)


def _derivative(coefficients: Tensor, t: Tensor) -> Tensor:
    wave, derivative = _waves(len(coefficients), t)
    return (1 - 2 * t) * (wave @ coefficients) + t * (1 - t) * (derivative @ coefficients)
